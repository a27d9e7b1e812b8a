//! Compiles the wire contract with protox, so that nobody needs to install protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[cfg(feature = "wire")]
    {
        let files = ["enrolment.proto", "fleet.proto"].map(|name| format!("kaishin/agent/v1/{name}"));
        println!("cargo::rerun-if-changed=kaishin");
        let descriptors = protox::compile(files, ["."])?;
        tonic_prost_build::configure()
            .codec_path("crate::codec::SlimCodec")
            .compile_fds(descriptors)?;
    }
    Ok(())
}
