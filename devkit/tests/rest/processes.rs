//! The programs `upstash` and `dev`: what they print, and that nothing is left behind however `upstash` ends.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::bench::client;

/// A running `upstash`, and where its Redis listens.
struct Running {
    process: Child,
    url: String,
    redis: SocketAddr,
}

impl Running {
    async fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_upstash"))
            .args(["--port", "0", "--token", "mine"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let url = lines.next().unwrap().strip_prefix("UPSTASH_REDIS_REST_URL=").unwrap().to_owned();
        assert_eq!(lines.next().unwrap(), "UPSTASH_REDIS_REST_TOKEN=mine");
        let info = client().get(format!("{url}/info/server")).bearer_auth("mine").send().await.unwrap();
        let info: Value = serde_json::from_str(&info.text().await.unwrap()).unwrap();
        let port = info["result"].as_str().unwrap().lines().find_map(|line| line.strip_prefix("tcp_port:")).unwrap();
        let redis = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
        Self { process, url, redis }
    }

    async fn end(&mut self, signal: &str) -> ExitStatus {
        let kill = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
        }
    }
}

#[tokio::test]
async fn sigterm_and_sigint_end_it_and_its_redis() {
    for signal in ["-TERM", "-INT"] {
        let mut running = Running::start().await;

        let status = running.end(signal).await;

        assert!(status.success(), "{signal}: {status}");
        assert!(TcpStream::connect(running.redis).is_err());
        assert!(client().get(&running.url).send().await.is_err());
    }
}

#[tokio::test]
async fn its_redis_ends_even_when_it_is_killed() {
    let mut running = Running::start().await;

    running.end("-KILL").await;

    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while TcpStream::connect(running.redis).is_ok() {
        tick.tick().await;
    }
}

#[tokio::test]
async fn a_port_in_use_ends_it_with_a_clear_word() {
    let running = Running::start().await;
    let port = running.url.rsplit_once(':').unwrap().1;

    let second = Command::new(env!("CARGO_BIN_EXE_upstash")).args(["--port", port]).output().unwrap();

    assert_eq!(second.status.code(), Some(1));
    let words = String::from_utf8(second.stderr).unwrap();
    assert!(words.contains(&format!("port {port} on 127.0.0.1 is in use")), "{words}");
}

#[tokio::test]
async fn what_the_whole_stack_logs_into_a_file_has_no_colours() {
    let mut dev = Command::new(env!("CARGO_BIN_EXE_dev"))
        .args(["--port", "0", "--rest-port", "0", "--no-cron"])
        .env("RUST_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(dev.stdout.take().unwrap()).lines().map(Result::unwrap);
    let routes = lines.find_map(|line| line.trim().strip_prefix("Routes").map(str::to_owned)).unwrap();
    let health = routes.split("/api/").next().unwrap().trim().to_owned() + "/api/health";

    let answer = client().get(health).send().await.unwrap();
    assert!(Command::new("kill").args(["-TERM", &dev.id().to_string()]).status().unwrap().success());
    let words = String::from_utf8(dev.wait_with_output().unwrap().stderr).unwrap();

    assert_eq!(answer.status().as_u16(), 200);
    assert!(words.contains("answered GET /api/health with 200") && !words.contains('\u{1b}'), "{words:?}");
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        self.process.wait().unwrap();
    }
}
