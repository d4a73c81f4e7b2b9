//! `mixgen new`: the first files of something new.

mod adapter;
mod template;

/// Starts something new.
#[derive(clap::Args, Debug)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    Adapter(adapter::NewAdapterArgs),
    Template(template::NewTemplateArgs),
}

pub(crate) fn run(args: &NewArgs) -> anyhow::Result<()> {
    match &args.what {
        What::Adapter(args) => adapter::run(args),
        What::Template(args) => template::run(args),
    }
}
