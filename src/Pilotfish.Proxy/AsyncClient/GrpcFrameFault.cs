namespace Pilotfish.Proxy.AsyncClient;

/// <summary>What is wrong with a length-prefixed message.</summary>
internal enum GrpcFrameFault : byte
{
    None,

    /// <summary>The flag says compressed, which this side never accepted.</summary>
    Compressed,

    /// <summary>The flag is neither 0 nor 1: this is no gRPC.</summary>
    InvalidFlag,
    TooLarge,
}
