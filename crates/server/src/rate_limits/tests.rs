//! What is counted by itself, what a call is answered with, and what is held.

use super::*;

const NOON: i64 = 1_770_724_800;

fn at(seconds: i64) -> UtcTime {
    UtcTime::from_micros((NOON + seconds) * 1_000_000).unwrap()
}

fn principal(number: u128) -> Principal {
    Principal {
        object_id: ObjectId::from_bits(number),
        tenant_id: TenantId::from_bits(7),
        groups: vec![],
        groups_left_out: false,
        application: None,
        user: None,
        is_administrator: false,
        built_in_generation: None,
    }
}

fn two_reads() -> HourlyLimits {
    HourlyLimits { reads: Some(2), tenant_writes: Some(1), ..HourlyLimits::default() }
}

/// Counts a call, `METHOD principal subscription` with 0 for none; the header's figure, or the
/// refusal's code and wait.
fn count(limits: &RateLimits, text: &str, second: i64) -> String {
    let words: Vec<_> = text.split(' ').collect();
    let call = Call::of(&Method::from_bytes(words[0].as_bytes()).unwrap(), "/subscriptions");
    let call = call.unwrap();
    let subscription = words[2].parse().ok().filter(|number| *number > 0);
    let subscription = subscription.map(SubscriptionId::from_bits);
    let counted =
        limits.count(&call, &principal(words[1].parse().unwrap()), subscription, at(second));
    let (name, left) = call.remaining().unwrap();
    let name = name.as_str().trim_start_matches("x-ms-ratelimit-remaining-").to_owned();
    let left = left.to_str().unwrap();
    match counted {
        Ok(()) => format!("{name} {left}"),
        Err(refused) => format!("{name} {left} {} {}", refused.code(), refused.retry_after),
    }
}

#[test]
fn each_principal_subscription_and_kind_is_counted_by_itself() {
    let limits = RateLimits::new(two_reads());
    for (call, expected) in [
        ("GET 1 1", "subscription-reads 1"),
        ("HEAD 1 1", "subscription-reads 0"),
        ("GET 1 1", "subscription-reads 0 SubscriptionRequestsThrottled 1800"),
        ("GET 2 1", "subscription-reads 1"),
        ("GET 1 2", "subscription-reads 1"),
        ("POST 1 1", "subscription-writes 1199"),
        ("PUT 1 1", "subscription-writes 1199"),
        ("DELETE 1 1", "subscription-deletes 14999"),
        ("GET 1 0", "tenant-reads 11999"),
        ("POST 1 0", "tenant-writes 0"),
        ("DELETE 1 0", "tenant-writes 0 TenantRequestsThrottled 3600"),
    ] {
        assert_eq!(count(&limits, call, 0), expected, "{call}");
    }
}

#[test]
fn without_limits_nothing_is_held() {
    let limits = RateLimits::new(HourlyLimits::default());
    for _ in 0..3 {
        assert_eq!(count(&limits, "GET 1 1", 0), "subscription-reads 11999");
    }
    assert!(limits.counted.lock().unwrap().buckets.is_empty());
}

#[test]
fn a_call_counts_once() {
    let limits = RateLimits::new(two_reads());
    let call = Call::of(&Method::GET, "/subscriptions/x").unwrap();
    for _ in 0..5 {
        let one = SubscriptionId::from_bits(1);
        assert_eq!(limits.count(&call, &principal(1), Some(one), at(0)), Ok(()));
    }
    assert_eq!(call.remaining().unwrap().1, "1");
}

#[test]
fn calls_of_azures_wire_alone_are_counted() {
    let is_counted = |path: &str| Call::of(&Method::GET, path).is_some();
    for azures in
        ["/subscriptions", "/subscriptions/x/y", "/providers/microsoft.billing", "/tenants"]
    {
        assert!(is_counted(azures), "{azures}");
    }
    for other in [
        "/",
        "/tallyhouse/v1/events",
        "/metrics",
        "/healthz",
        "/readyz",
        "/common/oauth2/v2.0/token",
        "/common/discovery/instance",
        "/contoso/.well-known/openid-configuration",
        "/subscriptionsx",
    ] {
        assert!(!is_counted(other), "{other}");
    }
}

#[test]
fn memory_is_bounded_and_what_is_nearest_to_full_gives_way() {
    let limits = RateLimits { most: 2, ..RateLimits::new(two_reads()) };
    count(&limits, "GET 1 1", 0);
    count(&limits, "GET 1 1", 0);
    count(&limits, "GET 2 1", 0);
    count(&limits, "GET 3 1", 1);
    {
        let counted = limits.counted.lock().unwrap();
        assert_eq!((counted.buckets.len(), counted.by_full.len()), (2, 2));
    }
    // The second principal was forgotten, of whom one call was known; the first was not.
    assert!(count(&limits, "GET 1 1", 2).contains("Throttled"));
    assert_eq!(count(&limits, "GET 2 1", 3), "subscription-reads 1");
    assert!(count(&limits, "GET 1 1", 4).contains("Throttled"));
    // What is full again goes first.
    assert_eq!(count(&limits, "GET 4 1", 7_200), "subscription-reads 1");
    let counted = limits.counted.lock().unwrap();
    assert_eq!((counted.buckets.len(), counted.by_full.len()), (2, 2));
}
