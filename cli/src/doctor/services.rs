//! Stripe, the mail provider, Supabase and the deployment itself: whether each takes our credentials. No call has an effect.

use std::time::Duration;

use holdfast::config::{
    Config, EmailConfig, MAILGUN_API_KEY, MailProvider, RESEND_API_KEY, Secret, StripeConfig, SupabaseConfig,
};
use holdfast::outbound;
use holdfast::workers::audit::with_key;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;

use super::Finding;
use crate::failure::Failure;

/// Longest wait for one answer. Chosen: a person waits.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A payment that Stripe does not have: to ask for it needs the right that captures need, and is answered 404.
const NO_PAYMENT: &str = "pi_holdfast_doctor_asks_for_nothing";

/// What was answered.
struct Answer {
    status: u16,
    body: String,
}

pub(super) async fn findings(config: &Config) -> Result<Vec<Finding>, Failure> {
    let http = outbound::client().map_err(|error| Failure::Service(error.to_string()))?;
    // What is not configured is said already.
    let stripe = async {
        match &config.stripe {
            Ok(stripe) => Some(ask_stripe(&http, stripe).await),
            Err(_) => None,
        }
    };
    let mail = async {
        match &config.email {
            Ok(email) => Some(ask_mail(&http, email).await),
            Err(_) => None,
        }
    };
    let deployment = async {
        match (&config.processor_url, &config.processor_token) {
            (Ok(url), Ok(token)) => Some(ask_deployment(&http, url, token).await),
            _ => None,
        }
    };
    let supabase = async {
        match &config.supabase {
            Some(Ok(supabase)) => Some(ask_supabase(&http, supabase).await),
            _ => None,
        }
    };
    let (stripe, mail, deployment, supabase) = tokio::join!(stripe, mail, deployment, supabase);
    Ok([stripe, mail, supabase, deployment].into_iter().flatten().collect())
}

async fn send(request: RequestBuilder) -> Result<Answer, &'static str> {
    let answer = request.timeout(TIMEOUT).send().await.map_err(|error| match error {
        error if error.is_timeout() => "gives no answer within 10 s",
        error if error.is_connect() => "cannot be reached",
        _ => "breaks the connection off",
    })?;
    let status = answer.status().as_u16();
    Ok(Answer { status, body: answer.text().await.unwrap_or_default() })
}

async fn ask_stripe(http: &Client, stripe: &StripeConfig) -> Finding {
    let url = format!("{}/v1/payment_intents/{NO_PAYMENT}", stripe.base_url);
    match send(http.get(url).bearer_auth(stripe.secret_key.expose())).await {
        Ok(Answer { status: 200 | 404, .. }) => Finding::fine("Stripe", "takes the key"),
        Ok(Answer { status: 401, .. }) => {
            let cure = "copy STRIPE_SECRET_KEY anew from Stripe's dashboard; this one may have been rolled";
            Finding::problem("Stripe", "does not know the key", cure)
        }
        Ok(Answer { status: 403, .. }) => {
            let cure = "give the restricted key the right to write PaymentIntents and Refunds";
            Finding::problem("Stripe", "the key may not see payments", cure)
        }
        Ok(Answer { status, .. }) => {
            Finding::warning("Stripe", format!("answers {status}"), "see status.stripe.com, and ask again")
        }
        Err(what) => Finding::problem("Stripe", what, "see status.stripe.com; fallback jobs finish what is under way"),
    }
}

/// A mail without anything in it is refused for its fields where the key may send, and for the key where it may not.
async fn ask_mail(http: &Client, email: &EmailConfig) -> Finding {
    let (who, name, request) = match &email.provider {
        MailProvider::Resend { base_url, api_key } => {
            let request = http.post(format!("{base_url}/emails")).bearer_auth(api_key.expose());
            ("Resend", RESEND_API_KEY, request.header("content-type", "application/json").body("{}"))
        }
        MailProvider::Mailgun { base_url, api_key, domain } => {
            let request = http.post(format!("{base_url}/v3/{domain}/messages"));
            let request = request.basic_auth("api", Some(api_key.expose()));
            ("Mailgun", MAILGUN_API_KEY, request.header("content-type", "application/x-www-form-urlencoded").body(""))
        }
        MailProvider::Smtp { url } => return ask_mail_server(url).await,
    };
    match send(request).await {
        Ok(Answer { status: 400 | 422, .. }) => Finding::fine(who, "takes the key"),
        Ok(Answer { status: 401 | 403, .. }) => {
            Finding::problem(who, "does not take the key", format!("make a key there that may send, and set {name}"))
        }
        Ok(Answer { status: 404, .. }) if who == "Mailgun" => {
            let cure = "see MAILGUN_DOMAIN, and MAILGUN_REGION: a domain of the EU is at another address";
            Finding::problem(who, "does not know the domain", cure)
        }
        Ok(Answer { status, .. }) => {
            Finding::warning(who, format!("answers {status}"), "see its status page, and ask again")
        }
        Err(what) => Finding::problem(who, what, "see its status page; mails wait and are tried again"),
    }
}

/// Whether it is there; a login would be one more that its log has to explain.
async fn ask_mail_server(url: &Secret) -> Finding {
    let url = reqwest::Url::parse(url.expose()).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let secure = url.as_ref().is_some_and(|url| url.scheme() == "smtps");
    let port = url.as_ref().and_then(reqwest::Url::port).unwrap_or(if secure { 465 } else { 587 });
    match tokio::time::timeout(TIMEOUT, tokio::net::TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Finding::fine("mail server", "can be reached"),
        Ok(Err(_)) | Err(_) => Finding::problem("mail server", "cannot be reached", "see SMTP_URL, its host and port"),
    }
}

/// A look at no row tells whether the key is taken and the table is there.
async fn ask_supabase(http: &Client, supabase: &SupabaseConfig) -> Finding {
    let request = http.get(format!("{}/rest/v1/audit_log?select=job_id&limit=0", supabase.url));
    match send(with_key(request, &supabase.key)).await {
        Ok(Answer { status: 200, .. }) => Finding::fine("Supabase", "takes the key, and has the table audit_log"),
        Ok(Answer { status: 401 | 403, .. }) => {
            let cure = "set SUPABASE_SERVICE_ROLE_KEY to a secret key, sb_secret_..., of the project at SUPABASE_URL";
            Finding::problem("Supabase", "does not take the key", cure)
        }
        Ok(Answer { status: 404, .. }) => Finding::problem(
            "Supabase",
            "has no table audit_log",
            "run the migration in supabase/migrations: docs/supabase.md",
        ),
        Ok(Answer { status, .. }) => {
            Finding::warning("Supabase", format!("answers {status}"), "see its status page, and ask again")
        }
        Err(what) => {
            Finding::problem("Supabase", what, "see SUPABASE_URL; a project that was paused takes a minute to wake")
        }
    }
}

/// Statistics have no effect, and tell whether the deployment is there, has its variables, and takes this token.
async fn ask_deployment(http: &Client, url: &str, token: &Secret) -> Finding {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        code: String,
        detail: String,
    }
    match send(http.get(url).bearer_auth(token.expose())).await {
        Ok(Answer { status: 200, body }) if body.contains("\"dead_letter\"") => {
            Finding::fine("deployment", "answers, and takes the processor token")
        }
        Ok(Answer { status: 401 | 403, .. }) => {
            let cure = "set the same JOB_PROCESSOR_SECRET_TOKEN here and there, and deploy again";
            Finding::problem("deployment", "does not take this processor token", cure)
        }
        Ok(Answer { status, body }) => {
            let Problem { code, detail } = serde_json::from_str(&body).unwrap_or_default();
            let said = if code.is_empty() { String::new() } else { format!(": {detail} ({code})") };
            let cure = "see that JOB_PROCESSOR_URL is the processor's route, and the deployment's log";
            Finding::problem("deployment", format!("answers {status}{said}"), cure)
        }
        Err(what) => {
            Finding::problem("deployment", what, "see that JOB_PROCESSOR_URL is right and the deployment is up")
        }
    }
}
