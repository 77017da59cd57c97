//! What was seen of a packet, as a capture file.
//!
//! Each device has its interface, each frame its direction, and all frames of one journey the same
//! `epb_packetid`. What is to be said is the comment of the last frame of the packet that was seen, and of
//! the whole file.

use std::io::Write;

use twinax_lab::capture::CaptureFile;
use twinax_packet::Frame;
use twinax_packet::pcapng::{Extras, WriteError};

use crate::Answer;
use crate::seen::{Seen, Sight};

impl Answer {
    /// Writes all frames that belong to the packet as pcapng, with the verdict.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn record(&self, out: impl Write) -> Result<(), WriteError> {
        let verdict = self.diagnosis.verdict.as_ref().map(|verdict| verdict.sentence.as_str());
        let question = self.diagnosis.question.in_words();
        let remark = match verdict {
            Some(verdict) => format!("{question} does not arrive: {verdict}"),
            None => format!("{question} arrives"),
        };
        write(&self.seen, verdict.unwrap_or(&remark), &remark, out)
    }
}

fn write(seen: &Seen, verdict: &str, remark: &str, out: impl Write) -> Result<(), WriteError> {
    let mut file = CaptureFile::remarked(out, remark)?;
    let last = seen.replies().last().or_else(|| seen.requests().last());
    for sight in &seen.sights {
        let comment = last.is_some_and(|last| std::ptr::eq(last, sight)).then(|| verdict.into());
        let extras = Extras {
            packet_id: Some(sight.journey),
            comments: comment.into_iter().collect(),
            ..Extras::default()
        };
        let Some(frame) = frame(seen, sight) else { continue };
        file.frame_with(&seen.interfaces, &frame, &extras)?;
    }
    let end = seen.sights.last().map(|sight| sight.time).unwrap_or_default();
    file.finish(&seen.interfaces, end)?;
    Ok(())
}

fn frame<'s>(seen: &Seen, sight: &'s Sight) -> Option<Frame<'s>> {
    let place = seen.interfaces.iter().position(|own| {
        own.node == sight.at.node.as_str()
            && own.device == sight.at.device
            && own.link_type == sight.link
    })?;
    Some(Frame {
        time: sight.time,
        interface: u32::try_from(place).ok()?,
        direction: sight.direction,
        length: sight.length,
        bytes: &sight.bytes,
    })
}
