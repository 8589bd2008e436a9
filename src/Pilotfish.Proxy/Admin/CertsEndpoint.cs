using System.Security.Cryptography.X509Certificates;
using Envoy.Admin.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Admin;

/// <summary>/certs: the certificates in force, one entry per TLS context of a listener's chain or a cluster.</summary>
internal sealed class CertsEndpoint(ListenerDirectory listeners, ClusterDirectory clusters, EventLoop loop)
{
    // Where the bytes came from is not kept once they are compiled; Envoy writes this for secrets that came inline or over SDS.
    private const string InlinePath = "<inline>";

    public AdminEndpoint Endpoint => AdminEndpoint.Get("/certs", "print certs on machine", Answer);

    private void Answer(InternalRequest request, InternalResponse response)
    {
        Certificates message = new();
        HashSet<TlsContextModel> seen = [];
        foreach (TlsContextModel context in Contexts())
        {
            if (seen.Add(context) && Describe(context) is { } certificate)
            {
                message.Certificates_.Add(certificate);
            }
        }

        response.ContentType = "application/json";
        JsonPrinter.Print(message, response.Body, JsonPrintOptions.EnvoyAdminWithDefaults);
    }

    private IEnumerable<TlsContextModel> Contexts()
    {
        foreach (ListenerModel listener in listeners.Active)
        {
            foreach (FilterChainModel chain in listener.AllChains)
            {
                if (chain.Transport is TlsDownstreamTransport transport)
                {
                    yield return transport.Context;
                }
            }
        }

        foreach (ClusterModel cluster in clusters.ActiveModels)
        {
            foreach (UpstreamTransport transport in cluster.Transport.All)
            {
                if (transport is TlsUpstreamTransport tls)
                {
                    yield return tls.Context;
                }
            }
        }
    }

    private Certificate? Describe(TlsContextModel context)
    {
        Certificate certificate = new();
        foreach (X509Certificate2 root in context.Trust?.Current?.Roots ?? [])
        {
            certificate.CaCert.Add(Details(root));
        }

        foreach (CertificateSlot slot in context.Certificates)
        {
            if (slot.Current is { } own)
            {
                certificate.CertChain.Add(Details(own.Context.TargetCertificate));
            }
        }

        return certificate.CaCert.Count + certificate.CertChain.Count > 0 ? certificate : null;
    }

    private CertificateDetails Details(X509Certificate2 certificate)
    {
        DateTimeOffset until = certificate.NotAfter.ToUniversalTime();
        CertificateDetails details = new()
        {
            Path = InlinePath,
            SerialNumber = CertificateTexts.Serial(certificate),
            DaysUntilExpiration = (ulong)Math.Max(0, Math.Floor((until - loop.WallNow).TotalDays)),
            ValidFrom = Timestamp.FromDateTime(certificate.NotBefore.ToUniversalTime()),
            ExpirationTime = Timestamp.FromDateTimeOffset(until),
        };
        foreach ((SubjectAltNameKind kind, string name) in SubjectAltNames.Read(certificate))
        {
            SubjectAlternateName? told = kind switch
            {
                SubjectAltNameKind.Dns => new SubjectAlternateName { Dns = name },
                SubjectAltNameKind.Uri => new SubjectAlternateName { Uri = name },
                SubjectAltNameKind.IpAddress => new SubjectAlternateName { IpAddress = name },
                _ => null,
            };
            if (told is not null)
            {
                details.SubjectAltNames.Add(told);
            }
        }

        return details;
    }
}
