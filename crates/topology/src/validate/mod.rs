//! x
use crate::diagnostic::Collector;
use crate::lower::Draft;
pub(crate) fn validate(_: &Draft<'_>, _: &mut Collector<'_>) {}
