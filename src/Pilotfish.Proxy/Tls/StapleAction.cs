namespace Pilotfish.Proxy.Tls;

/// <summary>What a certificate says to a client that asks for an OCSP response.</summary>
internal enum StapleAction : byte
{
    /// <summary>The client did not ask.</summary>
    NotAsked,

    Staple,
    Omit,

    /// <summary>The policy forbids the certificate without a valid response.</summary>
    Fail,
}
