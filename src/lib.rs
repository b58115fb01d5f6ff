//! Holdfast: an escrow payments API whose side effects never get lost.
//!
//! A route does what is critical and answers; what may happen a moment later becomes a job, and a time-boxed processor works the
//! jobs off with retries and a dead-letter queue. State is in Upstash Redis, reached over REST.
//!
//! The modules, each of which uses only those before it:
//!
//! | module | what it answers for |
//! | --- | --- |
//! | [`domain`] | pure rules: jobs, payloads, money, retries, limits |
//! | [`config`] | the environment |
//! | [`edge`], [`outbound`], [`measures`] | time and dice; calls out; what a process counts |
//! | [`upstash`] | one POST to Redis, and what may be done when it goes wrong |
//! | [`queue`] | enqueue, claim, settle: one script each |
//! | [`stripe`] | what Stripe is asked, and what it said |
//! | [`escrow`] | one script a move, and what Stripe did |
//! | [`deliveries`] | what became of mails, and who is not written to |
//! | [`partners`] | webhook endpoints, and how each does |
//! | [`privacy`] | addresses, forgotten |
//! | [`workers`] | a job in, an outcome out |
//! | [`processor`] | the time box |
//! | [`auth`], [`admission`], [`telemetry`] | who calls, how often, and whether again; logs |
//! | [`app`] | what handlers may use |
//! | [`http`] | routes: bytes in, bytes out |

pub mod admission;
pub mod app;
pub mod auth;
pub mod config;
pub mod deliveries;
pub mod domain;
pub mod edge;
pub mod escrow;
pub mod http;
pub mod measures;
pub mod outbound;
pub mod partners;
pub mod privacy;
pub mod processor;
pub mod queue;
pub mod stripe;
pub mod telemetry;
pub mod upstash;
pub mod workers;
