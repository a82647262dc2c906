//! The cache in front of queries: whatever is committed, asked and committed while it is asked, in whatever
//! order, an answer from it is the answer without it. And it tells nobody more than he may know.

use axum::http::StatusCode;
use tailrace_admin::{ApiOptions, ApiState, ResponseCache, router};
use tailrace_testing::store::Content;

use crate::{
    stage::{Answer, ENDED, Stage},
    world::Fake,
};

const PIPELINE: &str = "/v1/tenants/shop/pipelines/busy";
const STEP: &str = "count";
const VECTORS: &str = "users";
const KEYS: u64 = 2;
const PARTITIONS: u32 = 3;

fn manifest(vectors: bool) -> String {
    let collections = if vectors {
        "{ users: { dimensions: 1 } }"
    } else {
        "{}"
    };
    format!(
        "name: busy\ninput: {{ stream: SHOP, subjects: [\"shop.>\"] }}\npartitions: {PARTITIONS}\n\
         steps: [{{ name: count, plugin: counter@1.0.0, grants: [state] }}]\nvectors: {collections}\n\
         sketches: {{ amounts: {{ kind: quantiles, value: {{ json: /amount }} }} }}\n"
    )
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A stage whose state stores change, behind a cache and without one.
async fn stages(cache: ResponseCache) -> (Stage, Stage) {
    let stage = Stage::with(ApiOptions {
        response_cache: cache,
        ..ApiOptions::default()
    })
    .await;
    for partition in 0..PARTITIONS {
        stage.fake.hold(partition, Content::default());
    }
    stage.ok("PUT", PIPELINE, manifest(true)).await;
    let bare = router(ApiState {
        commands: stage.commands.clone(),
        queries: stage.queries.clone(),
        options: ApiOptions {
            response_cache: ResponseCache::new(0),
            ..ApiOptions::default()
        },
    });
    let bare = stage.twin(bare);
    (stage, bare)
}

fn a_query(dice: &mut Dice) -> String {
    let key = dice.below(KEYS);
    let rest = match dice.below(8) {
        0 => format!("/vectors/users/k{key}"),
        1 => "/sketches".to_owned(),
        2 => "/sketches/amounts?q=0.5".to_owned(),
        3 => format!("/steps/count/state?prefix=k&limit={}", 1 + dice.below(4)),
        4 => format!("/steps/count/state?prefix=k&after=k{key}"),
        _ => format!("/steps/count/state/k{key}"),
    };
    format!("{PIPELINE}{rest}")
}

/// Something is committed in a partition.
fn commit(fake: &Fake, dice: &mut Dice) {
    let (partition, key) = (
        dice.below(u64::from(PARTITIONS)) as u32,
        format!("k{}", dice.below(KEYS)),
    );
    let value = dice.below(3);
    let delete = dice.below(4) == 0;
    fake.commit(partition, move |content| {
        if delete {
            content.remove(STEP, &key);
            content.remove_vector(VECTORS, &key);
        } else {
            content.set(STEP, &key, value.to_string().as_bytes(), None);
            content.set_vector(VECTORS, &key, &[value as f32]);
        }
    });
}

fn shown(answer: &Answer) -> (StatusCode, String, String, String) {
    let of = |name| answer.header(name).to_owned();
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    (answer.status, of("tr-partition"), of("etag"), body)
}

#[tokio::test]
async fn an_answer_from_the_cache_is_the_answer_without_it() {
    let cache = ResponseCache::default();
    for seed in 0..20 {
        let (stage, bare) = stages(cache.clone()).await;
        let dice = &mut Dice(seed);
        for turn in 0..150 {
            match dice.below(20) {
                0..2 => commit(&stage.fake, dice),
                2 => drop(stage.ok("PUT", PIPELINE, manifest(dice.below(2) == 0)).await),
                3 => stage.fake.hold(dice.below(3) as u32, Content::default()),
                4..7 => {
                    // A commit between the reads of one query: its answer may be either; nothing of it may stay.
                    let (after, mut later) = (dice.below(3), Dice(seed * 1_000 + turn));
                    stage
                        .fake
                        .while_reading(after, move |fake| commit(fake, &mut later));
                    stage.ask("GET", &a_query(dice), &[&stage.shop], "").await;
                    stage.fake.store.undisturbed();
                }
                _ => {
                    let query = a_query(dice);
                    let cached = stage.ask("GET", &query, &[&stage.shop], "").await;
                    let fresh = bare.ask("GET", &query, &[&stage.shop], "").await;
                    assert_eq!(shown(&cached), shown(&fresh), "seed {seed}, turn {turn}: {query}");
                }
            }
        }
    }
    assert!(
        cache.hits() > 100,
        "{} of the queries came from the cache",
        cache.hits()
    );
    assert!(cache.misses() > 100);
}

#[tokio::test]
async fn a_warm_cache_tells_nobody_more() {
    let cache = ResponseCache::default();
    let (stage, _) = stages(cache.clone()).await;
    stage.fake.commit(0, |content| {
        content.set(STEP, "k0", b"secret", None);
    });
    for rest in [
        "/steps/count/state/k0",
        "/steps/count/state?prefix=k",
        "/sketches",
        "/sketches/amounts",
    ] {
        let path = format!("{PIPELINE}{rest}");
        let mut own = stage.ask("GET", &path, &[&stage.shop], "").await;
        for _ in 0..2 {
            own = stage.ask("GET", &path, &[&stage.shop], "").await;
        }
        assert_eq!(own.status, StatusCode::OK, "{path}: {own:?}");
        let before = cache.hits();
        let missing = path.replace("/shop/", "/nobody/");
        let foreign = stage.ask("GET", &path, &[&stage.bank], "").await;
        let nobody = stage.ask("GET", &missing, &[&stage.bank], "").await;
        assert_eq!(shown(&foreign), shown(&nobody), "{path}");
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        for wrong in [&[][..], &["tr_wrong"], &[ENDED]] {
            let answer = stage.ask("GET", &path, wrong, "").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        }
        assert_eq!(cache.hits(), before, "the check comes before the cache");
    }
    assert!(cache.hits() >= 4);
}

#[tokio::test]
async fn who_has_the_answer_is_told_so_until_it_changes() {
    let (stage, _) = stages(ResponseCache::default()).await;
    let path = format!("{PIPELINE}/steps/count/state/k1");
    let put = |value: &'static [u8]| {
        stage.fake.commit(1, |content| {
            content.set(STEP, "k1", value, None);
        });
    };
    let ask = |tag: String| {
        let token = format!("Bearer {}", stage.shop);
        let (stage, path) = (&stage, &path);
        async move {
            stage
                .send_with(
                    "GET",
                    path,
                    [("authorization", token), ("if-none-match", tag)],
                    "",
                )
                .await
        }
    };
    put(b"one");
    let first = ask("\"other\"".into()).await;
    let tag = first.header("etag").to_owned();
    assert_eq!((first.status, tag.len()), (StatusCode::OK, 34), "{first:?}");
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let again = ask(known).await;
        assert_eq!(
            (again.status, again.body.len()),
            (StatusCode::NOT_MODIFIED, 0),
            "{again:?}"
        );
        assert_eq!(again.header("etag"), tag);
    }
    put(b"two");
    let changed = ask(tag.clone()).await;
    assert_eq!(
        (changed.status, changed.body.as_slice()),
        (StatusCode::OK, b"two".as_slice())
    );
    put(b"one");
    assert_eq!(
        ask(tag).await.status,
        StatusCode::NOT_MODIFIED,
        "the tag is the content's"
    );
}

#[tokio::test]
async fn the_cache_keeps_within_its_bound() {
    let cache = ResponseCache::new(64 << 10);
    let (stage, _) = stages(cache.clone()).await;
    for number in 0..500 {
        let path = format!("{PIPELINE}/steps/count/state?prefix={number}");
        stage.ask("GET", &path, &[&stage.shop], "").await;
        assert!(cache.bytes() <= 64 << 10, "{} bytes", cache.bytes());
    }
    assert!(cache.bytes() > 0);
    let none = ResponseCache::new(0);
    let (stage, _) = stages(none.clone()).await;
    for _ in 0..3 {
        stage
            .ask("GET", &format!("{PIPELINE}/sketches"), &[&stage.shop], "")
            .await;
    }
    assert_eq!(
        (none.hits(), none.bytes()),
        (0, 0),
        "without room it keeps nothing"
    );
}

#[tokio::test]
async fn what_nobody_keeps_count_of_is_not_kept() {
    let cache = ResponseCache::default();
    let stage = Stage::with(ApiOptions {
        response_cache: cache.clone(),
        ..ApiOptions::default()
    })
    .await;
    for _ in 0..3 {
        stage
            .ok(
                "GET",
                "/v1/tenants/shop/pipelines/clicks/steps/count/state/json",
                "",
            )
            .await;
    }
    assert_eq!((cache.hits(), cache.misses()), (0, 3));
}
