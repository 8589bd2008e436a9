using System.Text;
using Envoy.Admin.V3;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Admin;

/// <summary>/listeners, and /init_dump: what start-up still waits for.</summary>
internal sealed class ListenersEndpoints(ListenerDirectory listeners, ClusterDirectory clusters, ServerState server)
{
    public IEnumerable<AdminEndpoint> All =>
    [
        AdminEndpoint.Get("/listeners", "print listener info", Listeners),
        AdminEndpoint.Get("/init_dump", "dump current Envoy init manager information", InitDump),
    ];

    private void Listeners(InternalRequest request, InternalResponse response)
    {
        bool json = request.Query("format") == "json";
        Envoy.Admin.V3.Listeners message = new();
        StringBuilder text = new();
        foreach (ListenerModel model in listeners.Active)
        {
            IReadOnlyList<NetAddress> bound = listeners.BoundAddresses(model.Name);
            IReadOnlyList<NetAddress> addresses = bound.Count > 0 ? bound : model.Addresses;
            ListenerStatus status = new() { Name = model.Name };
            for (int i = 0; i < addresses.Count; i++)
            {
                text.Append(model.Name).Append("::").Append(addresses[i].ToString()).Append('\n');
                if (i == 0)
                {
                    status.LocalAddress = AddressMessages.Of(addresses[i]);
                }
                else
                {
                    status.AdditionalLocalAddresses.Add(AddressMessages.Of(addresses[i]));
                }
            }

            message.ListenerStatuses.Add(status);
        }

        if (json)
        {
            response.ContentType = "application/json";
            JsonPrinter.Print(message, response.Body, JsonPrintOptions.EnvoyAdmin);
            return;
        }

        response.Write(text.ToString());
    }

    private void InitDump(InternalRequest request, InternalResponse response)
    {
        UnreadyTargetsDumps dumps = new();
        Add(dumps, "init manager Server", server.Phase == ServerPhase.Live ? 0 : 1, "target LDS");
        Add(dumps, "cluster manager", clusters.WarmingCount, "cluster");
        Add(dumps, "listener manager", listeners.WarmingCount, "listener");
        response.ContentType = "application/json";
        JsonPrinter.Print(dumps, response.Body, JsonPrintOptions.EnvoyAdmin);
    }

    private static void Add(UnreadyTargetsDumps dumps, string name, int count, string what)
    {
        if (count > 0)
        {
            UnreadyTargetsDumps.Types.UnreadyTargetsDump dump = new() { Name = name };
            dump.TargetNames.Add(count == 1 ? what : $"{count} of kind {what}");
            dumps.UnreadyTargetsDumps_.Add(dump);
        }
    }
}
