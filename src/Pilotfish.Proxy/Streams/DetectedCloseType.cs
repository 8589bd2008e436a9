namespace Pilotfish.Proxy.Streams;

/// <summary>How a connection was seen to close (<c>%DOWNSTREAM_DETECTED_CLOSE_TYPE%</c>).</summary>
public enum DetectedCloseType : byte
{
    Normal,
    LocalReset,
    RemoteReset,
}
