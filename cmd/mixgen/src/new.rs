//! `mixgen new`: the first files of something new.

mod template;

/// Starts something new.
#[derive(clap::Args, Debug)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    Template(template::NewTemplateArgs),
}

pub(crate) fn run(args: &NewArgs) -> anyhow::Result<()> {
    match &args.what {
        What::Template(args) => template::run(args),
    }
}
