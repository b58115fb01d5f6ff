//! The shop's pages: the counter, and one order.

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shop;
use super::api::{ADMIN, PARTNER};
use super::rows::{CallShown, Effect, Move, Summary, effects, history, money, text};
use crate::{id, page};

/// Orders on the counter's page. Chosen: each is read with a call.
const SHOWN: usize = 10;

/// The test cards a buyer may choose, and what each does.
const CARDS: [(&str, &str); 5] = [
    ("pm_card_visa", "4242: works"),
    ("pm_card_chargeDeclinedInsufficientFunds", "9995: declined, insufficient funds"),
    ("pm_card_chargeDeclinedLostCard", "9987: declined, lost"),
    ("pm_card_createDispute", "0259: works, disputed at the bank once captured"),
    ("pm_card_mastercard", "4444: works"),
];

#[derive(Clone)]
struct Pages {
    shop: Shop,
    base: String,
}

pub(super) fn router(shop: &Shop, base: &str) -> Router {
    Router::new()
        .route(base, get(counter).post(buy))
        .route(&format!("{base}/{{id}}"), get(order))
        .route(&format!("{base}/{{id}}/{{action}}"), post(act))
        .with_state(Pages { shop: shop.clone(), base: base.to_owned() })
}

#[derive(Template)]
#[template(path = "shop.html")]
struct Counter {
    base: String,
    key: String,
    problem: String,
    orders: Vec<Summary>,
}

async fn counter(State(pages): State<Pages>) -> Response {
    counter_with(pages, String::new()).await
}

async fn counter_with(Pages { shop, base }: Pages, problem: String) -> Response {
    let mut orders = Vec::new();
    for escrow in shop.escrows().iter().take(SHOWN) {
        let call = shop.api.escrow(escrow).await;
        if call.succeeded() {
            orders.push(Summary::of(&call.answer));
        }
    }
    page::render(&Counter { base, key: id::uuid(), problem, orders })
}

/// What the counter's form sends.
#[derive(Deserialize)]
struct Buy {
    key: String,
    description: String,
    amount: String,
    currency: String,
    buyer: String,
    seller: String,
}

async fn buy(State(pages): State<Pages>, Form(form): Form<Buy>) -> Response {
    // What is no number goes out as it was typed: the API's answer says what it expects.
    let amount = form.amount.trim().parse().map_or_else(|_| json!(form.amount), |amount: i64| json!(amount));
    let body = json!({"amount": amount, "currency": form.currency, "buyerEmail": form.buyer, "sellerEmail": form.seller,
        "description": form.description, "metadata": {"shop": "example"}});
    let call = pages.shop.api.post("create", PARTNER, &form.key, &body).await;
    let escrow = text(&call.answer["escrowId"]);
    if !call.succeeded() || escrow.is_empty() {
        let problem = text(&call.answer["detail"]);
        return counter_with(pages, if problem.is_empty() { "no answer".to_owned() } else { problem }).await;
    }
    pages.shop.remember(&escrow, call);
    Redirect::to(&format!("{}/{escrow}", pages.base)).into_response()
}

#[derive(Template)]
#[template(path = "shop_order.html")]
struct OrderPage {
    base: String,
    key: String,
    escrow: Summary,
    problem: String,
    buyer: String,
    seller: String,
    held: String,
    released: String,
    refunded: String,
    remaining: String,
    half: i64,
    intent_id: String,
    can: Vec<String>,
    can_pay: bool,
    waits: bool,
    cards: &'static [(&'static str, &'static str)],
    history: Vec<Move>,
    effects: Vec<Effect>,
    calls: Vec<CallShown>,
}

impl OrderPage {
    fn can(&self, operation: &str) -> bool {
        self.can.iter().any(|can| can == operation)
    }
}

async fn order(State(Pages { shop, base }): State<Pages>, Path(id): Path<String>) -> Response {
    let call = shop.api.escrow(&id).await;
    if !call.succeeded() {
        return (http::StatusCode::NOT_FOUND, "there is no such order here\n").into_response();
    }
    let escrow = &call.answer;
    let amounts = &escrow["amounts"];
    let effects = effects(escrow, &shop.outbox.mails(), &shop.webhooks.received());
    let calls = shop.calls(&id);
    let last = calls.last().filter(|call| !call.succeeded());
    let problem = last.map(|call| problem(&call.answer)).unwrap_or_default();
    let possible = escrow["possible"].as_array().into_iter().flatten().map(text).collect();
    let status = text(&escrow["status"]);
    // Paid and not yet told of: Stripe's event is on its way.
    let awaits_payment = status == "created" && calls.len() > 1 && problem.is_empty();
    let page = OrderPage {
        base,
        key: id::uuid(),
        escrow: Summary::of(escrow),
        problem,
        buyer: text(&escrow["buyerEmail"]),
        seller: text(&escrow["sellerEmail"]),
        held: money(&amounts["held"], escrow),
        released: money(&amounts["released"], escrow),
        refunded: money(&amounts["refunded"], escrow),
        remaining: money(&amounts["remaining"], escrow),
        half: (escrow["amount"].as_i64().unwrap_or(2) / 2).max(1),
        intent_id: text(&escrow["paymentIntentId"]),
        can: possible,
        can_pay: status == "created",
        waits: awaits_payment
            || status.ends_with("ing")
            || effects.iter().any(|effect| ["pending", "processing"].contains(&&*effect.status)),
        cards: &CARDS,
        history: history(escrow),
        effects,
        calls: calls.into_iter().rev().map(CallShown::from).collect(),
    };
    page::render(&page)
}

/// What a refusal says: ours, or Stripe's own.
fn problem(answer: &Value) -> String {
    let ours = text(&answer["detail"]);
    let stripes = text(&answer["error"]["message"]);
    if ours.is_empty() { stripes } else { ours }
}

/// What an order's forms send.
#[derive(Deserialize)]
struct Act {
    key: String,
    #[serde(default)]
    card: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    resolution: String,
    #[serde(default)]
    release_amount: String,
}

async fn act(
    State(pages): State<Pages>,
    Path((id, action)): Path<(String, String)>,
    Form(form): Form<Act>,
) -> Response {
    let Pages { shop, base } = &pages;
    let reason = Some(form.reason.as_str()).filter(|reason| !reason.is_empty());
    let mut body = json!({"escrowId": id});
    if let Some(reason) = reason {
        body["reason"] = json!(reason);
    }
    let call = match action.as_str() {
        "pay" => {
            let intent = text(&shop.api.escrow(&id).await.answer["paymentIntentId"]);
            shop.api.pay(&intent, &form.card).await
        }
        "release" | "dispute" | "cancel" => shop.api.post(&action, PARTNER, &form.key, &body).await,
        "refund" => shop.api.post(&action, ADMIN, &form.key, &body).await,
        "resolve" => {
            body["resolution"] = json!(form.resolution);
            if form.resolution == "split" {
                body["releaseAmount"] = form.release_amount.parse::<i64>().map_or(Value::Null, |amount| json!(amount));
            }
            shop.api.post(&action, ADMIN, &form.key, &body).await
        }
        _ => return (http::StatusCode::NOT_FOUND, "there is no such action\n").into_response(),
    };
    shop.remember(&id, call);
    Redirect::to(&format!("{base}/{id}")).into_response()
}
