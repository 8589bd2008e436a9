namespace Pilotfish.Proxy.Http1;

/// <summary>What a connection's read loop does next.</summary>
internal enum ReadStep : byte
{
    Again,
    NeedBytes,
    WaitForResume,
    Stop,
}
