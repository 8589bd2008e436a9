namespace Pilotfish.Proxy.Streams;

/// <summary>Bytes of one side of a stream. "Wire" counts heads and framing too, before TLS.</summary>
public struct ByteMeter
{
    public long WireBytesSent;
    public long WireBytesReceived;
    public long HeaderBytesSent;
    public long HeaderBytesReceived;
}
