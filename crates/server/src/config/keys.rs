//! The keys of the configuration file, in words.

/// Every key of the TOML file with its default and meaning, as `docs/configuration.md` shows them.
pub const KEYS: &[(&str, &str, &str)] = &[
    (
        "listen",
        "\"127.0.0.1:8443\"",
        "Address and port that the server listens on. Port 0 takes a free one.",
    ),
    (
        "public_url",
        "none",
        "Origin under which clients reach the server, such as \"https://billing.example.com\". It \
         becomes the issuer and an accepted audience of tokens.",
    ),
    (
        "issuer_name",
        "\"Tallyhouse\"",
        "Name of whoever bills, which exports give as provider and as issuer of invoices.",
    ),
    (
        "provider_subscription",
        "none",
        "GUID of the subscription whose readers see the usage of every subscription, as Azure Stack \
         Hub's provider does. No subscription shows others' usage without it.",
    ),
    (
        "retail_offer",
        "none",
        "Offer whose list prices `/api/retail/prices` shows to anybody, without a token, such as \
         \"MS-AZR-0003P\". There are no retail prices without it.",
    ),
    (
        "lifted_offer_rules",
        "[]",
        "Names of the rules that do not hold here, of those by which offers that Azure sells do not \
         have all of its APIs: \"usage-not-csp\", \"ratecard-not-csp\", \"ratecard-not-ea\", \
         \"invoices-not-csp\", \"invoices-not-ea\", \"invoices-not-mca\", \"invoices-not-aio\", \
         \"invoices-not-germany\". Offers of your own have all of them anyway.",
    ),
    (
        "host_names",
        "[]",
        "Further host names and addresses for the certificate of the local authority.",
    ),
    (
        "audiences",
        "[]",
        "Further audiences that a token may be meant for, beside Azure's and the server's own.",
    ),
    (
        "issuers",
        "[]",
        "Issuers of tokens (OpenID Connect) that others run, such as Microsoft Entra ID or \
         Keycloak: each an `[[issuers]]` with the keys below, at the end of the file.",
    ),
    (
        "issuers.url",
        "none",
        "Required. The issuer's exact name, as its tokens have it in `iss`. Keys are read over HTTPS alone, \
         and followed when they rotate.",
    ),
    (
        "issuers.discovery_url",
        "none",
        "Where its discovery document is, if not at `{url}/.well-known/openid-configuration`. Tokens of version 1 of Entra ID are named \
         `https://sts.windows.net/{tenant}/` and found at \
         `https://login.microsoftonline.com/{tenant}/.well-known/openid-configuration`.",
    ),
    (
        "issuers.tenant",
        "none",
        "The tenant that all its principals are of, whatever their tokens say. Either this or \
         `tenants`.",
    ),
    (
        "issuers.tenants",
        "none",
        "The tenants that its principals may be of: the claim `tid` must name one of them.",
    ),
    (
        "issuers.object_id_claim",
        "\"oid\"",
        "The claim that holds a principal's object id, a GUID; \"sub\" for Keycloak.",
    ),
    (
        "issuers.groups_claim",
        "\"groups\"",
        "The claim that lists the GUIDs of a principal's groups.",
    ),
    ("issuers.audiences", "[]", "Audiences of its tokens that are taken beside the server's."),
    (
        "issuers.ca_file",
        "none",
        "PEM file with the authorities that its certificate is of, instead of the system's.",
    ),
    (
        "builtin_issuer",
        "none",
        "Whether the built-in issuer gives out tokens and its tokens count, the administrator's \
         `admin.token` included: if not set, only without `issuers`.",
    ),
    (
        "administrators",
        "[]",
        "Principals of `issuers` who administrate this installation, as \"OBJECT_ID@TENANT_ID\". \
         One at least where the built-in issuer is off.",
    ),
    (
        "clock_skew_seconds",
        "300",
        "How far the clocks of issuers may be from the server's, 0 to 600. Tokens of the built-in \
         issuer expire to the second.",
    ),
    (
        "certificate_file",
        "none",
        "PEM file with your own certificate chain, instead of the local authority's. A renewed one \
         is served within a minute, without a restart.",
    ),
    ("private_key_file", "none", "PEM file with the private key of `certificate_file`."),
    ("log_format", "\"text\"", "Form of the log on standard error: \"text\" or \"json\"."),
    (
        "log_filter",
        "\"info\"",
        "Which events are logged, as `tracing` directives: \"info\", \"server=debug\".",
    ),
    (
        "seal_after_seconds",
        "30",
        "Age at which the journal is sealed into the Delta table, 1 to 3,600. Outside readers see \
         rows at most that late.",
    ),
    (
        "seal_bytes",
        "67108864",
        "Size at which the journal is sealed into the Delta table, in bytes, 1 MiB to 128 MiB.",
    ),
    (
        "keep_replaced_seconds",
        "604800",
        "How long data files of the Delta table stay after they were joined into larger ones, in \
         seconds, 0 to 31,536,000 (a year): outside readers that opened the table before may read \
         them for that long.",
    ),
    (
        "open_metrics",
        "false",
        "Whether `/metrics` is answered without a token, as a scraper asks; otherwise it takes the \
         administrator's. It shows counts and times of the whole installation, and no id.",
    ),
    (
        "ledger",
        "none",
        "Where the ledger lies, if not in the data folder: a `[ledger]` with the keys below, at the \
         end of the file. Accounts and keys stay in the data folder in any case.",
    ),
    (
        "ledger.url",
        "none",
        "Object store of the ledger's Delta table: `s3://BUCKET/PREFIX` (Amazon S3 and what speaks \
         as it does), `az://CONTAINER/PREFIX` (Azure Blob). The store must honour conditional puts; \
         this is tried at each start. A ledger stays where it was made.",
    ),
    (
        "ledger.journal",
        "\"local\"",
        "Where the journal lies: \"local\", in the data folder, which is fast, but a lost disk loses \
         what was not sealed (see `seal_after_seconds`) and with it the right to write the ledger; \
         \"object\", in the object store, an object for each group commit: the ledger is then whole \
         without the data folder, and a second server that starts on it takes it over.",
    ),
    (
        "ledger.endpoint",
        "none",
        "Where the object store is, such as \"https://storage.example.com:9000\", if it is not \
         Amazon's or Microsoft's. Otherwise `AWS_ENDPOINT_URL` or `AZURE_STORAGE_ENDPOINT` of the \
         environment says it.",
    ),
    ("ledger.region", "none", "Region of the bucket; otherwise `AWS_REGION` says it."),
    (
        "ledger.key_name",
        "none",
        "The access key id, or the name of the storage account; otherwise `AWS_ACCESS_KEY_ID` or \
         `AZURE_STORAGE_ACCOUNT_NAME` says it.",
    ),
    (
        "ledger.key",
        "none",
        "The secret access key, or the key of the storage account; otherwise \
         `AWS_SECRET_ACCESS_KEY` or `AZURE_STORAGE_ACCOUNT_KEY` says it, or the identity of the \
         machine is used.",
    ),
    (
        "rate_limits",
        "none",
        "How often each principal may call Azure's wire, as Azure Resource Manager limits it: a \
         `[rate_limits]` with the keys below, at the end of the file. Without a key there is no such \
         limit. What was called comes back evenly over the hour; a call too many is answered 429 with \
         `Retry-After`. Every call of Azure's wire with a valid token counts, and none of \
         `/metrics` and the API under `/tallyhouse/v1`: usage comes in whatever is asked meanwhile. \
         Counts are in memory.",
    ),
    (
        "rate_limits.reads_per_hour",
        "none",
        "Reads (GET, HEAD) of each subscription, 1 to 1,000,000,000. Azure's limit is 12,000.",
    ),
    (
        "rate_limits.writes_per_hour",
        "none",
        "Writes to each subscription, which every question that is POSTed is too. Azure's limit is \
         1,200.",
    ),
    (
        "rate_limits.deletes_per_hour",
        "none",
        "Deletes in each subscription. Azure's limit is 15,000.",
    ),
    (
        "rate_limits.tenant_reads_per_hour",
        "none",
        "Reads that are on no subscription, such as the list of subscriptions, or on one that the \
         principal does not see. Azure's limit is 12,000.",
    ),
    (
        "rate_limits.tenant_writes_per_hour",
        "none",
        "Other calls that are on no subscription, or on one that the principal does not see. Azure's \
         limit is 1,200.",
    ),
];
