//! Files one behind the other in one stream, as `tar` has them (POSIX ustar): what a backup is sent as,
//! so that other tools can unpack it, too. Members are plain files with relative names.

use std::fmt;
use std::io::{self, Read};

/// Bytes of a header, and what members are filled up to.
const BLOCK: usize = 512;
/// The blocks that end a stream.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..265;
const PREFIX: std::ops::Range<usize> = 345..500;
const USTAR: &[u8; 8] = b"ustar\x0000";
/// Largest size in eleven octal digits.
const OCTAL_MAX: u64 = (1 << 33) - 1;

/// What a header says of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path within the stream, with `/` between folders.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// Its length.
    pub bytes: u64,
}

/// A member cannot be named so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError(pub String);

impl Member {
    /// The header, which comes before the member's bytes.
    ///
    /// # Errors
    /// [`NameError`] if the name is too long or leads elsewhere.
    pub fn header(&self) -> Result<[u8; BLOCK], NameError> {
        let wrong = || NameError(self.name.clone());
        let (prefix, name) =
            split(&self.name).filter(|_| is_plain(&self.name)).ok_or_else(wrong)?;
        let mut header = [0; BLOCK];
        header[NAME][..name.len()].copy_from_slice(name.as_bytes());
        header[PREFIX][..prefix.len()].copy_from_slice(prefix.as_bytes());
        header[MODE].copy_from_slice(format!("{:07o}\0", self.mode & 0o777).as_bytes());
        header[108..116].copy_from_slice(b"0000000\0"); // owner
        header[116..124].copy_from_slice(b"0000000\0"); // group
        header[136..148].copy_from_slice(b"00000000000\0"); // time
        if self.bytes <= OCTAL_MAX {
            header[SIZE].copy_from_slice(format!("{:011o}\0", self.bytes).as_bytes());
        } else {
            header[SIZE.start] = 0x80;
            header[SIZE.end - 8..SIZE.end].copy_from_slice(&self.bytes.to_be_bytes());
        }
        header[KIND] = b'0';
        header[MAGIC].copy_from_slice(USTAR);
        let sum = checksum(&header);
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        Ok(header)
    }

    fn read(header: &[u8; BLOCK]) -> Option<Self> {
        let sum = octal(&header[CHECKSUM])?;
        if sum != u64::from(checksum(header)) || header[MAGIC] != *USTAR || header[KIND] != b'0' {
            return None;
        }
        let size = &header[SIZE];
        let bytes = match size.split_last_chunk::<8>() {
            Some(([0x80, 0, 0, 0], bytes)) => u64::from_be_bytes(*bytes),
            _ => octal(size)?,
        };
        let (prefix, name) = (text(&header[PREFIX])?, text(&header[NAME])?);
        let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let mode = u32::try_from(octal(&header[MODE])?).ok()?;
        is_plain(&name).then_some(Self { name, mode, bytes })
    }
}

/// Zeros that fill a member of so many bytes up.
#[must_use]
pub fn padding(bytes: u64) -> &'static [u8] {
    let over = bytes % BLOCK as u64;
    let padding = usize::try_from((BLOCK as u64 - over) % BLOCK as u64).expect("less than a block");
    &END[..padding]
}

/// The name in two parts that fit their fields.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME.len() {
        return Some(("", name));
    }
    let mut slashes = name.match_indices('/').map(|(place, _)| name.split_at(place));
    let parts = slashes.find(|(_, rest)| rest.len() - 1 <= NAME.len());
    parts
        .map(|(prefix, rest)| (prefix, &rest[1..]))
        .filter(|(prefix, _)| prefix.len() <= PREFIX.len())
}

/// Whether a name leads to a file below the folder that it is taken from.
fn is_plain(name: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..");
    name.split('/').all(is_name) && !name.contains(['\\', '\0'])
}

fn checksum(header: &[u8; BLOCK]) -> u32 {
    let of = |(place, byte): (usize, &u8)| {
        u32::from(if CHECKSUM.contains(&place) { b' ' } else { *byte })
    };
    header.iter().enumerate().map(of).sum()
}

fn octal(field: &[u8]) -> Option<u64> {
    u64::from_str_radix(text(field)?.trim(), 8).ok()
}

fn text(field: &[u8]) -> Option<&str> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).ok()
}

/// Takes the members off a stream. It is read as the bytes of the member that came last.
pub struct Reader<R> {
    input: R,
    /// Bytes of the member that are still to come, and those that fill it up.
    left: u64,
    padding: u64,
}

impl<R: Read> Reader<R> {
    /// A reader of a stream from its begin on.
    pub fn new(input: R) -> Self {
        Self { input, left: 0, padding: 0 }
    }

    /// The next member; none at the end. What was not read of the one before is skipped.
    ///
    /// # Errors
    /// If the stream cannot be read, breaks off, or is none of such members.
    pub fn next_member(&mut self) -> io::Result<Option<Member>> {
        let rest = self.left + self.padding;
        (self.left, self.padding) = (0, 0);
        let skipped = io::copy(&mut self.input.by_ref().take(rest), &mut io::sink())?;
        if skipped < rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut header = [0; BLOCK];
        self.input.read_exact(&mut header)?;
        if header.iter().all(|byte| *byte == 0) {
            self.input.read_exact(&mut header)?;
            return Ok(None);
        }
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is no header of a file");
        let member = Member::read(&header).ok_or_else(wrong)?;
        (self.left, self.padding) = (member.bytes, padding(member.bytes).len() as u64);
        Ok(Some(member))
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        let length = self.input.read(&mut out[..most])?;
        if length == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= length as u64;
        Ok(length)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a backup cannot have a file named '{}'", self.0)
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "ledger/usage/data/reported_day=2026-11-23/joined-00000000000000000001-\
                        00000000000000000002-1-1.parquet";

    fn stream(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, bytes) in members {
            let length = bytes.len() as u64;
            let member = Member { name: (*name).to_owned(), mode: 0o600, bytes: length };
            out.extend_from_slice(&member.header().unwrap());
            out.extend_from_slice(bytes);
            out.extend_from_slice(padding(length));
        }
        out.extend_from_slice(&END);
        out
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut reader = Reader::new(bytes);
        let mut members = Vec::new();
        while let Some(member) = reader.next_member()? {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            assert_eq!((member.mode, member.bytes), (0o600, bytes.len() as u64));
            members.push((member.name, bytes));
        }
        Ok(members)
    }

    #[test]
    fn what_goes_in_comes_out_and_a_stream_that_breaks_off_is_told() {
        let long = vec![7; 1_500];
        let members: [(&str, &[u8]); 4] =
            [("writer", b"x"), ("lock", b""), (LONG, &long), ("a/b", &[1; BLOCK])];
        let bytes = stream(&members);
        assert_eq!(bytes.len() % BLOCK, 0);
        let expected = members.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        assert_eq!(read(&bytes).unwrap(), expected);
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn sizes_have_no_limit() {
        for bytes in [0, OCTAL_MAX, OCTAL_MAX + 1, u64::MAX] {
            let member = Member { name: LONG.to_owned(), mode: 0o644, bytes };
            assert_eq!(Member::read(&member.header().unwrap()), Some(member));
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let header = |name: &str| Member { name: name.to_owned(), mode: 0, bytes: 0 }.header();
        for name in ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/.", "a\\b", &"x".repeat(101)] {
            assert!(header(name).is_err(), "{name}");
        }
        let mut forged = header("aa/passwd").unwrap();
        forged[..2].copy_from_slice(b"..");
        let sum = checksum(&forged);
        forged[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert_eq!(Member::read(&forged), None);
    }
}
