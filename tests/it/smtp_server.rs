//! A mail server that keeps what it takes and answers one command as it is told. How a real one takes our mails, `checks/mail` sees.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the next connection meets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meets {
    /// This answer to the command that begins so.
    Answer(&'static str, &'static str),
    /// The end of the connection after the mail was taken, without the yes.
    LostYes,
}

/// The server; it listens until the test ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmtpServer {
    mails: Arc<Mutex<Vec<String>>>,
    next: Arc<Mutex<Vec<Meets>>>,
}

impl SmtpServer {
    /// Starts one and returns it with its address.
    pub(crate) async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let server = Self::default();
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let meets = serving.next.lock().unwrap().pop();
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream, meets).await });
            }
        });
        (server, url)
    }

    pub(crate) fn next(&self, meets: Meets) {
        self.next.lock().unwrap().push(meets);
    }

    /// The mails it took, as they came.
    pub(crate) fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    async fn serve(&self, stream: TcpStream, meets: Option<Meets>) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 test ready\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            if let Some(Meets::Answer(command, answer)) = meets
                && line.starts_with(command)
            {
                write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
                continue;
            }
            let answer = match line.split(' ').next().unwrap() {
                "EHLO" => "250-test\r\n250 SMTPUTF8",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    let mut mail = String::new();
                    while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                        mail += &(line + "\n");
                    }
                    self.mails.lock().unwrap().push(mail);
                    if matches!(meets, Some(Meets::LostYes)) {
                        return None;
                    }
                    "250 taken"
                }
                "QUIT" => "221 bye",
                _ => "250 fine",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
        Some(())
    }
}
