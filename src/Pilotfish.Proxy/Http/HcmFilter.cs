using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Http;

/// <summary>The connection manager at the end of a filter chain: starts the codec of each connection.</summary>
internal sealed class HcmFilter(HcmModel model) : TerminalNetworkFilter
{
    public HcmModel Model { get; } = model;

    public override void Start(DownstreamConnection connection)
    {
        if (connection.Listener.Overload.HcmCodecCreation.Sheds(connection.Worker))
        {
            connection.Worker.Stats.Add(connection.Listener.State.Stats.CxOverloadReject);
            connection.Stream.Close();
            connection.Finished(NetworkEndReasons.Overloaded);
            return;
        }

        new Http1DownstreamConnection(Model, connection).Start();
    }
}
