//! What the processes stand on: Redis, the REST server before it, and the stand-ins; and what befalls them.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::Router;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child as Process, ChildStdin, Command};
use tokio::sync::Mutex;

use super::child::{Child, Task};
use crate::mail::{MailOptions, Outbox};
use crate::redis::{RedisOptions, RedisServer};
use crate::rest::{RestOptions, RestServer};
use crate::serve::{Served, serve};
use crate::stack;
use crate::stripe::{StripeOptions, StripeSandbox};
use crate::webhooks::WebhookSink;

/// Lets its bearer call the processor's route in a run.
pub(super) const PROCESSOR_TOKEN: &str = "chaos-processor-token";

/// The time box of a processor in a run, in ms. Chosen: leases are short then, so a run of a minute sees many lapse.
const TIME_BOX_MS: u64 = 1_500;

const WEBHOOK_SECRET: &str = "whsec_aG9sZGZhc3QtY2hhb3Mtd2ViaG9vay1zaWc=";

/// A process of a run. It ends when this is dropped.
pub(super) struct Living {
    pub(super) process: Process,
    _alive: Option<ChildStdin>,
}

/// All that stands behind the processes.
pub(super) struct World {
    pub(super) redis: Mutex<RedisServer>,
    redis_address: SocketAddr,
    pub(super) rest: RestServer,
    pub(super) stripe: StripeSandbox,
    pub(super) outbox: Outbox,
    pub(super) sink: WebhookSink,
    pub(super) folder: PathBuf,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) site_port: u16,
    _served: Served,
}

impl World {
    /// Starts everything but the processes; what the folder held is gone.
    pub(super) async fn start(folder: &Path, kept: bool) -> Result<Self, Box<dyn Error>> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        let data = folder.join("redis");
        std::fs::create_dir_all(&data)?;
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = vec![
            setting("appendfsync", if kept { "always" } else { "everysec" }),
            setting("aof-timestamp-enabled", "yes"),
            setting("auto-aof-rewrite-percentage", "0"),
        ];
        // A path of its own: Redis is started in another folder.
        let data_dir = Some(data.canonicalize()?);
        let redis = RedisOptions { program: Some("redis-server".into()), port: None, data_dir, settings };
        let redis = RedisServer::start(redis).await?;
        let redis_address = redis.addr();
        let listen = ([127, 0, 0, 1], 0).into();
        let rest = RestOptions { listen, token: "chaos-token".into(), redis: redis_address.into() };
        let rest = RestServer::start(rest).await?;
        stack::keys::seed(&rest).await?;
        let stripe = StripeSandbox::new(StripeOptions::default());
        let outbox = Outbox::new(MailOptions::default());
        let sink = WebhookSink::new(WEBHOOK_SECRET);
        let stand_ins = Router::new()
            .nest("/stripe", stripe.router())
            .nest("/resend", outbox.router())
            .nest("/hooks", sink.router());
        let served = serve(stand_ins).await?;
        let site_port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let variables = variables(&rest, &served, site_port);
        let folder = folder.to_owned();
        let redis = Mutex::new(redis);
        let world =
            Self { redis, redis_address, rest, stripe, outbox, sink, folder, variables, site_port, _served: served };
        world.stripe.events().set_url(Some(format!("{}/api/webhooks/stripe", world.site())));
        world.outbox.events().set_url(Some(format!("{}/api/webhooks/email", world.site())));
        Ok(world)
    }

    /// The address of the routes.
    pub(super) fn site(&self) -> String {
        format!("http://127.0.0.1:{}", self.site_port)
    }

    /// Starts a process of a run.
    pub(super) fn spawn(&self, number: u64, task: Task, skew_ms: i64) -> Result<Living, Box<dyn Error>> {
        let child = Child { number, task, variables: self.variables.clone(), skew_ms };
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--child", &serde_json::to_string(&child)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        // Waiting for a process would close it, and the process would end.
        let alive = process.stdin.take();
        Ok(Living { process, _alive: alive })
    }

    /// Says a command to Redis itself, past the REST server, and returns its answer's first line.
    pub(super) async fn tell_redis(&self, command: &str) -> std::io::Result<String> {
        let mut stream = BufReader::new(TcpStream::connect(self.redis_address).await?);
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        Ok(answer.trim_end().to_owned())
    }

    /// Runs commands through the REST server and returns their results.
    pub(super) async fn ask(&self, commands: &[Vec<String>]) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
        let http = holdfast::outbound::client()?;
        let request = http.post(format!("{}/pipeline", self.rest.url())).bearer_auth(self.rest.token());
        let answer = request.body(serde_json::to_vec(commands)?).send().await?.error_for_status()?.bytes().await?;
        let items: Vec<serde_json::Value> = serde_json::from_slice(&answer)?;
        Ok(items.into_iter().map(|mut item| item["result"].take()).collect())
    }

    /// Runs a script that names no keys and returns what it answers.
    pub(super) async fn eval(&self, script: &str, args: &[&str]) -> Result<serde_json::Value, Box<dyn Error>> {
        let words = ["EVAL", script, "0"].iter().chain(args).map(|word| (*word).to_owned()).collect();
        Ok(self.ask(&[words]).await?.pop().unwrap_or_default())
    }

    /// The file Redis writes down every change in.
    pub(super) fn append_only_file(&self) -> PathBuf {
        self.folder.join("redis/appendonlydir/appendonly.aof.1.incr.aof")
    }
}

fn variables(rest: &RestServer, stand_ins: &Served, site_port: u16) -> BTreeMap<String, String> {
    let url = stand_ins.url();
    let set = [
        ("KV_REST_API_URL", rest.url()),
        ("KV_REST_API_TOKEN", rest.token().to_owned()),
        ("JOB_PROCESSOR_SECRET_TOKEN", PROCESSOR_TOKEN.to_owned()),
        ("CRON_SECRET", "chaos-cron-secret".to_owned()),
        ("JOB_TIME_BOX_MS", TIME_BOX_MS.to_string()),
        ("STRIPE_SECRET_KEY", StripeOptions::default().secret_key),
        ("STRIPE_WEBHOOK_SECRET", StripeOptions::default().webhook_secret),
        ("STRIPE_BASE_URL", format!("{url}/stripe")),
        ("RESEND_API_KEY", MailOptions::default().api_key),
        ("RESEND_BASE_URL", format!("{url}/resend")),
        ("RESEND_WEBHOOK_SECRET", MailOptions::default().webhook_secret),
        ("EMAIL_FROM", "Holdfast <holdfast@example.com>".to_owned()),
        ("WEBHOOK_URL", format!("{url}/hooks")),
        ("WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET.to_owned()),
        ("WEBHOOK_ALLOW_PRIVATE", stand_ins.addr().to_string()),
        ("JOB_PROCESSOR_URL", format!("http://127.0.0.1:{site_port}/api/jobs/process")),
    ];
    set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
