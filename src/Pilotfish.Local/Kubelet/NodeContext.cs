using Pilotfish.Local.Network;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Kubelet;

/// <summary>What every pod of one mesh shares: the node, and where things are on this machine.</summary>
internal sealed record NodeContext
{
    public const string NodeName = "pilotfish";

    public required MeshFolders Folders { get; init; }

    public required string ManifestFolder { get; init; }

    public required Sandbox Node { get; init; }

    public required NetworkNamespaceThread Sockets { get; init; }

    public required PodLinks Links { get; init; }

    public required AddressPlan Addresses { get; init; }

    public required Executables Executables { get; init; }

    public required ServiceTokens Tokens { get; init; }

    public required Action<string> Report { get; init; }
}
