//! What only the owner of the data folder may read.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use domain::time::UtcTime;
use server::App;
use server::config::Settings;

#[tokio::test(flavor = "multi_thread")]
async fn usage_accounts_and_keys_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = Settings::default().into_config(data.clone()).unwrap();
    let clock = Arc::new(|| UtcTime::from_micros(1_770_724_800_000_000).unwrap());
    App::open(config, clock, Arc::new(uuid::Uuid::new_v4)).await.unwrap();
    for (name, expected) in
        [("ledger", 0o700), ("keys", 0o700), ("accounts.db", 0o600), ("keys/issuer.key", 0o600)]
    {
        let mode = std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{name}");
    }
}
