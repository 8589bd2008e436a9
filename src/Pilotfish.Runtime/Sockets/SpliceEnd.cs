namespace Pilotfish.Runtime.Sockets;

/// <summary>Which side ended a transfer.</summary>
public enum SpliceEnd : byte
{
    /// <summary>The source has sent everything.</summary>
    SourceEnded,
    SourceFailed,
    DestinationFailed,

    /// <summary>No pipe could be had; nothing was lost and a copying transfer may take over.</summary>
    NoPipe,
}
