namespace Pilotfish.Proxy.Listeners;

public enum ListenerFilterVerdict : byte
{
    Continue,

    /// <summary>The bytes are not what the listener demands, or the peer left: the connection ends without a chain.</summary>
    Close,

    /// <summary>listener_filters_timeout passed while the filter waited.</summary>
    TimedOut,
}
