namespace Pilotfish.Proxy.Http1;

/// <summary>Outcome of one step of a resumable parser.</summary>
public enum ParseStatus : byte
{
    NeedMore,
    Done,
    Invalid,
}
