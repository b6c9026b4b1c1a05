//! The choice between GPU and CPU.

use anyhow::Result;
use burn::tensor::Device;
use clap::ValueEnum;

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The GPU if there is one, else the CPU
    Auto,
    /// The GPU, through Vulkan, Metal, DirectX 12 or OpenGL
    #[cfg(feature = "gpu")]
    Gpu,
    /// The CPU
    #[cfg(feature = "cpu")]
    Cpu,
}

/// Drivers that compute on the CPU what a GPU would: slower than our own CPU path.
const EMULATORS: [&str; 4] = ["llvmpipe", "lavapipe", "swiftshader", "basic render"];

impl Engine {
    /// Opens the device, and says on standard error which it is.
    ///
    /// # Errors
    /// If the GPU is asked for and there is none that can be used.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Auto => auto(),
            #[cfg(feature = "gpu")]
            Self::Gpu => {
                let device = pollster::block_on(impasto::device::gpu())?;
                announce_gpu(&device);
                Ok(device)
            }
            #[cfg(feature = "cpu")]
            Self::Cpu => Ok(cpu("")),
        }
    }
}

#[cfg(all(feature = "gpu", feature = "cpu"))]
fn auto() -> Result<Device> {
    Ok(match pollster::block_on(impasto::device::gpu()) {
        Ok(device) if is_emulated(&device) => cpu(" (the only GPU is an emulated one)"),
        Ok(device) => {
            announce_gpu(&device);
            device
        }
        Err(error) => cpu(&format!(" ({error})")),
    })
}

#[cfg(all(feature = "gpu", not(feature = "cpu")))]
fn auto() -> Result<Device> {
    Engine::Gpu.open()
}

#[cfg(all(feature = "cpu", not(feature = "gpu")))]
fn auto() -> Result<Device> {
    Engine::Cpu.open()
}

#[cfg(not(any(feature = "cpu", feature = "gpu")))]
fn auto() -> Result<Device> {
    anyhow::bail!("this program was built without anything to compute with (features cpu, gpu)")
}

/// What computes, for people: the GPU's name, or the CPU.
pub fn name(device: &Device) -> String {
    #[cfg(feature = "gpu")]
    if let Some(identity) = device.identity() {
        return identity.name;
    }
    let _ = device;
    "CPU".into()
}

/// Whether it is a GPU that the CPU emulates.
pub fn is_emulated(device: &Device) -> bool {
    let name = name(device).to_lowercase();
    EMULATORS.iter().any(|emulator| name.contains(emulator))
}

#[cfg(feature = "gpu")]
fn announce_gpu(device: &Device) {
    eprintln!("Computing on the GPU: {}", name(device));
}

#[cfg(feature = "cpu")]
fn cpu(why: &str) -> Device {
    eprintln!("Computing on the CPU{why}");
    impasto::device::cpu()
}
