//! The group `service-principal`.

use clap::Subcommand;
use domain::id::{ApplicationId, TenantId};

/// What can be done with service principals.
#[derive(Debug, Subcommand)]
pub(crate) enum ServicePrincipalCommand {
    /// Make a service principal, and print its secret this once
    ///
    /// "appId" and "password" are what it signs in with, "objectId" is what roles are assigned to.
    #[command(after_long_help = "\
Examples:
  tallyhouse service-principal create --name \"Cost report\" \\
    --tenant 3f0d6c1e-5d0b-4f6e-8a43-0f7a3a5d9c10
  az login --service-principal -u APP_ID -p PASSWORD --tenant TENANT")]
    Create {
        /// Name shown to people
        #[arg(long)]
        name: String,
        /// Tenant that it is of
        #[arg(long, value_name = "GUID", value_parser = TenantId::parse)]
        tenant: TenantId,
        /// Days until its secret expires, up to 730 [default: 365]
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
    },
    /// List the service principals, with when their secrets expire
    #[command(after_long_help = "\
Example:
  tallyhouse service-principal list --query \"[].[displayName, appId]\" -o tsv")]
    List,
    /// Give a service principal another secret, and print it this once
    ///
    /// Its earlier secrets are ended: at once, or so many hours from now.
    #[command(after_long_help = "\
Example:
  tallyhouse service-principal rotate --id 6b0f6f0a-7a0b-4a55-9a25-0b8f8f3d2c77 --overlap-hours 24")]
    Rotate {
        /// Its "appId"
        #[arg(long, value_name = "GUID", value_parser = ApplicationId::parse)]
        id: ApplicationId,
        /// Hours for which its earlier secrets stay in force, up to 720 [default: 0]
        #[arg(long, value_name = "HOURS")]
        overlap_hours: Option<u32>,
        /// Days until the new secret expires, up to 730 [default: 365]
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
    },
    /// Delete a service principal: its secrets and tokens count no more
    #[command(after_long_help = "\
Example:
  tallyhouse service-principal delete --id 6b0f6f0a-7a0b-4a55-9a25-0b8f8f3d2c77")]
    Delete {
        /// Its "appId"
        #[arg(long, value_name = "GUID", value_parser = ApplicationId::parse)]
        id: ApplicationId,
    },
}
