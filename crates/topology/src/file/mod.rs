//! The lab file as its keys: TOML's tree in, a struct for each table out, with the place of every
//! value kept.
//!
//! Each table is declared once, with [`keys!`](keys), as a struct whose fields are its keys; the
//! same declaration makes what reads it, what finds unknown keys, and its JSON Schema. Nothing is
//! given up at the first error: a value that is wrong is reported and left out ([`Field::Bad`]),
//! and reading goes on.

#[macro_use]
mod keys;

mod containers;
mod decode;
mod ends;
mod scalars;
mod tables;
mod words;

use std::ops::{Deref, Range};

pub(crate) use containers::{Array, List, Named};
pub(crate) use decode::{Decode, Defs, decode_document, list_of};
pub(crate) use ends::{End, HopWord, MasterName, ReachWord, RemovedWord, TextWord};
pub(crate) use scalars::{Int, Text};
pub(crate) use tables::{
    BridgeKeys, ChangeKeys, DnatKeys, EndKeys, ExpectKeys, FactsKeys, FilterKeys, FirewallKeys,
    InterfaceKeys, LabKeys, ListenKeys, NeighKeyKeys, NeighKeys, NodeKeys, PacketKeys, PartsKeys,
    PingKeys, PortKeys, ReachKeys, RemovedWireKeys, RouteKeys, RuleKeys, RunKeys, RunStepKeys,
    StepKeys, TapKeys, TcpKeys, TextKeys, TracerouteKeys, UdpKeys, WireKeys,
};
pub(crate) use words::{
    Aim, HostNet, LabName, Mark32, MatchNet, MethodWord, PolicyWord, RouteTo, RuleKind, Setting,
    Size, TableNumber, is_of_nobody, read_key,
};

/// A value, and where it stands in the text.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// What a table says for one of its keys.
#[derive(Debug)]
pub(crate) enum Field<T> {
    /// Nothing.
    Absent,
    /// Something that is wrong, and has been reported. The key's place (or that of the table,
    /// where a key that must be there is not).
    Bad(Range<usize>),
    /// This. The key's place, and the value.
    Is(Range<usize>, At<T>),
}

impl<T> Field<T> {
    /// The value, where there is one.
    pub(crate) fn get(&self) -> Option<&At<T>> {
        match self {
            Self::Is(_, at) => Some(at),
            _ => None,
        }
    }

    /// The place of the key, where it is there.
    pub(crate) fn key(&self) -> Option<Range<usize>> {
        match self {
            Self::Absent => None,
            Self::Bad(key) | Self::Is(key, _) => Some(key.clone()),
        }
    }

    /// Whether something wrong stands there.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self, Self::Bad(_))
    }
}

impl<T: Clone> Field<T> {
    /// The value without its place.
    pub(crate) fn value(&self) -> Option<T> {
        self.get().map(|at| at.value.clone())
    }
}

/// The parts of a list; none where the key is not there.
pub(crate) fn each<T>(field: &Field<List<T>>) -> &[At<T>] {
    field.get().map_or(&[], |list| &list.value.items)
}

/// The named parts of a table; none where the key is not there.
pub(crate) fn named<T>(field: &Field<Named<T>>) -> &[(At<Text>, At<T>)] {
    field.get().map_or(&[], |named| &named.value.items)
}

/// Whether a list is all there: nothing in it was wrong.
pub(crate) fn whole<T>(field: &Field<List<T>>) -> bool {
    match field {
        Field::Absent => true,
        Field::Bad(_) => false,
        Field::Is(_, list) => list.value.whole,
    }
}
