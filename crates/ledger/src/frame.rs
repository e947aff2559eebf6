//! A journal frame: one group commit as bytes, checksummed as a whole.
//!
//! The first eight bytes keep their meaning in every format version, so that an older program can
//! tell a newer frame from a damaged one.

use std::ops::Range;

use domain::record::Commit;
use domain::time::UtcTime;

use crate::limits::FRAME_PAYLOAD_BYTES_MAX;
use crate::version::JournalId;

/// Format version of frames written here, and the newest that is read.
pub(crate) const FRAME_FORMAT: u16 = 1;
/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 64;
const MAGIC: [u8; 4] = *b"TLYJ";
/// Place of the checksum, which covers everything else.
const CHECKSUM: Range<usize> = 12..16;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) journal: JournalId,
    pub(crate) epoch: u64,
    pub(crate) commit: Commit,
    pub(crate) time: UtcTime,
    /// Records in the payload.
    pub(crate) records: u32,
}

/// Why bytes are not a frame of this journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadFrame {
    /// Of a newer format version.
    Newer(u16),
    /// Torn, damaged, or of another journal.
    Damaged,
}

/// Fills in the header of a frame whose payload stands behind [`HEADER_BYTES`] of room.
pub(crate) fn finish(frame: &mut [u8], header: &Header) {
    let payload = u32::try_from(frame.len() - HEADER_BYTES).expect("a payload is below 4 GiB");
    frame[0..4].copy_from_slice(&MAGIC);
    frame[4..6].copy_from_slice(&FRAME_FORMAT.to_le_bytes());
    frame[6..8].fill(0);
    frame[8..12].copy_from_slice(&payload.to_le_bytes());
    frame[16..32].copy_from_slice(&header.journal.0);
    frame[32..40].copy_from_slice(&header.epoch.to_le_bytes());
    frame[40..48].copy_from_slice(&header.commit.0.to_le_bytes());
    frame[48..56].copy_from_slice(&header.time.to_micros().to_le_bytes());
    frame[56..60].copy_from_slice(&header.records.to_le_bytes());
    frame[60..64].fill(0);
    let checksum = checksum(frame);
    frame[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
}

/// Reads the frame at the beginning of the bytes; says how many bytes it takes.
pub(crate) fn parse(bytes: &[u8], journal: JournalId) -> Result<(Header, usize), BadFrame> {
    let header = bytes.get(..HEADER_BYTES).ok_or(BadFrame::Damaged)?;
    if header[0..4] != MAGIC {
        return Err(BadFrame::Damaged);
    }
    let format = u16::from_le_bytes(array(header, 4));
    if format > FRAME_FORMAT {
        return Err(BadFrame::Newer(format));
    }
    let payload = usize::try_from(u32::from_le_bytes(array(header, 8)));
    let payload = payload.ok().filter(|payload| *payload <= FRAME_PAYLOAD_BYTES_MAX);
    let length = HEADER_BYTES + payload.ok_or(BadFrame::Damaged)?;
    let frame = bytes.get(..length).ok_or(BadFrame::Damaged)?;
    // The journal's id first: bytes that only look like a frame cost no checksum.
    let ours = format == FRAME_FORMAT && header[16..32] == journal.0;
    if !ours || checksum(frame).to_le_bytes() != frame[CHECKSUM] {
        return Err(BadFrame::Damaged);
    }
    let time = UtcTime::from_micros(i64::from_le_bytes(array(header, 48)));
    let header = Header {
        journal,
        epoch: u64::from_le_bytes(array(header, 32)),
        commit: Commit(u64::from_le_bytes(array(header, 40))),
        time: time.map_err(|_| BadFrame::Damaged)?,
        records: u32::from_le_bytes(array(header, 56)),
    };
    Ok((header, length))
}

/// Whether a good frame of this journal begins anywhere in the bytes.
pub(crate) fn found_in(bytes: &[u8], journal: JournalId) -> bool {
    let starts = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    starts.into_iter().any(|(start, _)| parse(&bytes[start..], journal).is_ok())
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..CHECKSUM.start]), &frame[CHECKSUM.end..])
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    *bytes[start..].first_chunk().expect("a header has 64 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> (Vec<u8>, Header) {
        let header = Header {
            journal: JournalId([7; 16]),
            epoch: 3,
            commit: Commit(9),
            time: UtcTime::from_micros(-5).unwrap(),
            records: 2,
        };
        let mut frame = vec![0; HEADER_BYTES];
        frame.extend_from_slice(payload);
        finish(&mut frame, &header);
        (frame, header)
    }

    #[test]
    fn a_frame_survives_the_round_trip() {
        let (mut bytes, header) = frame(b"payload");
        let length = bytes.len();
        bytes.extend_from_slice(b"rest");
        assert_eq!(parse(&bytes, header.journal), Ok((header, length)));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let (bytes, header) = frame(b"payload");
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&bad, header.journal).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_journals_frame_is_not_ours() {
        let (bytes, _) = frame(b"payload");
        assert_eq!(parse(&bytes, JournalId([8; 16])), Err(BadFrame::Damaged));
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let (mut bytes, header) = frame(b"payload");
        bytes[4] = 2;
        assert_eq!(parse(&bytes, header.journal), Err(BadFrame::Newer(2)));
    }
}
