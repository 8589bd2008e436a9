namespace Pilotfish.Proxy.Http2;

/// <summary>What is known of a peer's word about extended CONNECT (RFC 8441).</summary>
internal enum UpgradeSupport : byte
{
    /// <summary>Its first SETTINGS have not come.</summary>
    Unknown,
    Yes,
    No,
}
