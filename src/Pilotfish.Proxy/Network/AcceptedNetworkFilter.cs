namespace Pilotfish.Proxy.Network;

/// <summary>A filter whose config is accepted and that lets every connection pass untouched, so that splice stays possible.</summary>
internal sealed class AcceptedNetworkFilter : NetworkFilter
{
    public static readonly AcceptedNetworkFilter Instance = new();

    public override NetworkFilterSession? NewConnection(DownstreamConnection connection) => null;
}
