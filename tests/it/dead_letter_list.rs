//! Dead letters, listed: every one of them once, in either order, whatever happens between two pages.

use std::time::Duration;

use holdfast::domain::id::JobId;
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{Change, LetterOrder, LetterRange, Verdict};

use crate::bench::{Bench, START, failure};

const MS: Duration = Duration::from_millis(1);

async fn ids(t: &Bench, range: &LetterRange, limit: usize) -> Vec<JobId> {
    let page = t.queue.dead_letters(range, limit).await.unwrap();
    page.letters.into_iter().map(|letter| letter.document.id).collect()
}

/// Walks to the end, page by page.
async fn walk(t: &Bench, mut range: LetterRange, limit: usize) -> Vec<JobId> {
    let mut all = Vec::new();
    loop {
        let page = t.queue.dead_letters(&range, limit).await.unwrap();
        all.extend(page.letters.into_iter().map(|letter| letter.document.id));
        range.after = page.last.or(range.after);
        if !page.more {
            return all;
        }
    }
}

fn oldest() -> LetterRange {
    LetterRange { order: LetterOrder::Oldest, ..LetterRange::default() }
}

#[tokio::test]
async fn the_newest_come_first_and_each_says_why_it_died() {
    let t = Bench::new().await;
    let dead = t.bury(3, FailureKind::Rejected).await;

    let page = t.queue.dead_letters(&LetterRange::default(), 2).await.unwrap();

    assert_eq!((page.letters.len(), page.more), (2, true));
    let newest = &page.letters[0];
    assert_eq!((&newest.document.id, newest.died_at), (&dead[2], START.plus(MS * 2)));
    assert_eq!(newest.document.last_error.as_ref().unwrap().message, "the other side said no");
}

#[tokio::test]
async fn pages_of_any_size_give_each_once_in_both_orders() {
    let t = Bench::new().await;
    let dead = t.bury(7, FailureKind::Rejected).await;
    let reversed: Vec<_> = dead.iter().rev().cloned().collect();
    for limit in [1, 2, 3, 7, 100] {
        assert_eq!(walk(&t, oldest(), limit).await, dead, "{limit}");
        assert_eq!(walk(&t, LetterRange::default(), limit).await, reversed, "{limit}");
    }
}

#[tokio::test]
async fn those_that_died_in_one_millisecond_are_each_listed_once() {
    let t = Bench::new().await;
    t.enqueue_many(250).await;
    let jobs = t.claim(250).await.jobs;
    let buried: Vec<_> =
        jobs.iter().map(|job| t.settlement(job, Verdict::Bury(failure(FailureKind::Rejected)))).collect();
    t.queue.settle(&buried).await.unwrap();

    for order in [LetterOrder::Newest, LetterOrder::Oldest] {
        let mut listed = walk(&t, LetterRange { order, ..LetterRange::default() }, 7).await;
        assert_eq!(listed.len(), 250);
        listed.sort();
        listed.dedup();
        assert_eq!(listed.len(), 250);
    }
}

#[tokio::test]
async fn a_list_goes_on_behind_a_place_whose_job_is_gone() {
    let t = Bench::new().await;
    let dead = t.bury(9, FailureKind::Rejected).await;
    for order in [LetterOrder::Newest, LetterOrder::Oldest] {
        let range = LetterRange { order, ..LetterRange::default() };
        let page = t.queue.dead_letters(&range, 4).await.unwrap();
        let after = LetterRange { after: page.last.clone(), ..range.clone() };
        let expected = ids(&t, &after, 100).await;
        let gone = page.last.unwrap().id;

        t.queue.redrive(&t.letters(std::slice::from_ref(&gone)).await, &Change::default()).await.unwrap();

        assert_eq!(ids(&t, &after, 100).await, expected, "{order:?} of {dead:?}");
        // The same job dies again: it is another place now.
        let job = t.claim_one().await;
        t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;
        let again = ids(&t, &after, 100).await;
        assert_eq!(again.iter().filter(|id| **id != gone).cloned().collect::<Vec<_>>(), expected, "{order:?}");
        t.advance(MS);
    }
}

#[tokio::test]
async fn a_time_bounds_the_list_at_both_ends() {
    let t = Bench::new().await;
    let dead = t.bury(5, FailureKind::Rejected).await;
    let between = LetterRange { since: Some(START.plus(MS)), before: Some(START.plus(MS * 4)), ..oldest() };
    assert_eq!(walk(&t, between.clone(), 2).await, dead[1..4]);
    let reversed: Vec<_> = dead[1..4].iter().rev().cloned().collect();
    assert_eq!(walk(&t, LetterRange { order: LetterOrder::Newest, ..between }, 2).await, reversed);
}

#[tokio::test]
async fn one_whose_document_is_gone_is_passed_over() {
    let t = Bench::new().await;
    let dead = t.bury(3, FailureKind::Rejected).await;
    t.redis(&["DEL", &format!("{}job:{}", t.prefix, dead[1])]).await;
    assert_eq!(walk(&t, oldest(), 1).await, [dead[0].clone(), dead[2].clone()]);
}
