//! Commands in Redis' protocol, counted as they pass: each is an array of texts with their lengths, `*2\r\n$3\r\nGET\r\n...`.

/// Where in a command the bytes that come next stand.
#[derive(Default)]
pub(crate) struct Commands {
    line: Vec<u8>,
    /// Bytes of a text, and of the line end behind it, that are still to come.
    to_skip: usize,
}

impl Commands {
    /// Reads what was sent next; answers how many commands began in it.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> u64 {
        let mut begun = 0;
        while !bytes.is_empty() {
            if self.to_skip > 0 {
                let skipped = self.to_skip.min(bytes.len());
                self.to_skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                break;
            };
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            match self.line.first() {
                Some(b'*') => begun += 1,
                Some(b'$') => {
                    let digits = self.line[1..].iter().filter(|byte| byte.is_ascii_digit());
                    self.to_skip = 2 + digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
                }
                _ => {}
            }
            self.line.clear();
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_however_they_are_cut() {
        let sent = b"*2\r\n$3\r\nGET\r\n$3\r\n*1\n\r\n*1\r\n$4\r\nPING\r\n";
        for piece in 1..sent.len() {
            let mut commands = Commands::default();
            assert_eq!(sent.chunks(piece).map(|chunk| commands.read(chunk)).sum::<u64>(), 2, "in pieces of {piece}");
        }
    }
}
