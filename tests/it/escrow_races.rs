//! Operations on one escrow at once: one wins, the others are told where the escrow is.

use serde_json::json;

use crate::escrow_bench::{ADMIN, PARTNER, Shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_release_a_refund_and_a_dispute_at_once_one_wins() {
    for round in 0..12 {
        let t = Shop::new().await;
        let id = t.authorized().await;
        let body = json!({ "escrowId": id });
        let release = t.post(PARTNER, "a", "/api/escrow/release", &body);
        let refund = t.post(ADMIN, "b", "/api/escrow/refund", &body);
        let dispute = t.post(PARTNER, "c", "/api/escrow/dispute", &body);

        // Each is asked first in turn.
        let replies = match round % 3 {
            0 => <[_; 3]>::from(tokio::join!(release, refund, dispute)),
            1 => <[_; 3]>::from(tokio::join!(refund, dispute, release)),
            _ => <[_; 3]>::from(tokio::join!(dispute, release, refund)),
        };

        let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        let lost: Vec<_> = replies.iter().filter(|reply| reply.status == 409).collect();
        // A refund may follow a release that has ended before it is judged.
        let ledger = t.ledger();
        assert_eq!(won.len() + lost.len(), 3, "{replies:?}");
        assert!(won.len() == 1 || (won.len() == 2 && ledger.captures == 1 && ledger.refunds == 1), "{replies:?}");
        assert!(lost.iter().all(|reply| reply.body["code"] == "illegal_move"), "{lost:?}");
        assert!(ledger.captures + ledger.cancels <= 1, "{ledger:?}");
        let status = t.status(&id).await;
        assert!(won.iter().any(|reply| reply.body["status"] == status.as_str()), "{status}: {won:?}");
    }
}
