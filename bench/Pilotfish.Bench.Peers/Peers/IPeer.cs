using System.Diagnostics;

namespace Pilotfish.Bench.Peers.Peers;

/// <summary>A proxy under measurement.</summary>
internal interface IPeer
{
    string Name { get; }

    /// <summary>Load before it counts: compilers at run time need it.</summary>
    TimeSpan WarmUp { get; }

    /// <summary>Writes its configuration and says how it is started; null when it cannot do the mode.</summary>
    ProcessStartInfo? Configure(PeerSetup setup);
}
