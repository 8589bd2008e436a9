namespace Pilotfish.Proxy.Health;

/// <summary>What a user of a host saw that has no HTTP status.</summary>
public enum OutlierResult : byte
{
    LocalConnectSuccess,
    LocalConnectFailed,
    LocalConnectTimeout,

    /// <summary>The host answered nothing in time, or reset the stream before answering.</summary>
    RequestTimeout,
    RequestReset,
}
