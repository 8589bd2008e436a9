using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;

namespace Pilotfish.Proxy.Http;

/// <summary>What becomes of x-forwarded-client-cert: the connection manager's own fields, or a matcher's ForwardClientCertConfig. Immutable.</summary>
public sealed record ClientCertRule(ClientCertForwarding Forwarding, ClientCertDetails Details)
{
    internal static ClientCertRule Of(
        HttpConnectionManager.Types.ForwardClientCertDetails forwarding, HttpConnectionManager.Types.SetCurrentClientCertDetails? details) => new(
        (ClientCertForwarding)forwarding,
        details is null
            ? ClientCertDetails.None
            : (details.Subject == true ? ClientCertDetails.Subject : 0) | (details.Cert ? ClientCertDetails.Cert : 0)
                | (details.Chain ? ClientCertDetails.Chain : 0) | (details.Uri ? ClientCertDetails.Uri : 0)
                | (details.Dns ? ClientCertDetails.Dns : 0));
}
