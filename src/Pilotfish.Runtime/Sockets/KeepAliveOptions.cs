namespace Pilotfish.Runtime.Sockets;

/// <summary>TCP keepalive; a value of 0 leaves the kernel's default.</summary>
public sealed record KeepAliveOptions
{
    public int IdleSeconds { get; init; }

    public int IntervalSeconds { get; init; }

    public int Probes { get; init; }
}
