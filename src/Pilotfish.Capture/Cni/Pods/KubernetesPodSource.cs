using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Pilotfish.Capture.Cni.Pods;

/// <summary>
/// Asks the Kubernetes API for one pod. The kubeconfig is read anew for each question, because its token is replaced
/// while the plugin waits.
/// </summary>
internal sealed class KubernetesPodSource(string kubeconfigPath) : IPodSource
{
    /// <summary>etcd keeps objects of at most 1.5 MiB; the API adds little to that.</summary>
    private const int PodBytesMax = 4 * 1024 * 1024;

    /// <summary>The kubelet gives the whole chain two minutes; one stuck question must not eat them.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);

    public PodFacts Get(string ns, string name)
    {
        Kubeconfig config = Kubeconfig.Load(kubeconfigPath);
        using HttpClient client = NewClient(config);
        var uri = new Uri(config.Server, $"/api/v1/namespaces/{Uri.EscapeDataString(ns)}/pods/{Uri.EscapeDataString(name)}");
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, uri);
            using HttpResponseMessage response = client.Send(request);
            using var body = new MemoryStream();
            response.Content.CopyTo(body, null, CancellationToken.None);
            return response.StatusCode == HttpStatusCode.OK
                ? PodJson.Parse(body.ToArray())
                : throw new PodLookupException(
                    $"The Kubernetes API at '{config.Server}' answered {(int)response.StatusCode} for pod '{ns}/{name}'"
                    + Advice(response.StatusCode));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw new PodLookupException(
                $"The Kubernetes API at '{config.Server}' cannot be asked for pod '{ns}/{name}': "
                + $"{e.InnerException?.Message ?? e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new PodLookupException(
                $"The Kubernetes API at '{config.Server}' gave something else than a pod for '{ns}/{name}': {e.Message}", e);
        }
    }

    private static HttpClient NewClient(Kubeconfig config)
    {
        var ssl = new SslClientAuthenticationOptions();
        if (config.SkipVerification)
        {
#pragma warning disable CA5359 // Asked for by name in the kubeconfig: insecure-skip-tls-verify.
            ssl.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (config.Authorities is not null)
        {
            ssl.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            ssl.CertificateChainPolicy.CustomTrustStore.AddRange(config.Authorities);
        }

        if (config.Client is not null)
        {
            ssl.ClientCertificates = [config.Client];
        }

        // No proxy of the node's environment: the API server's address is the cluster's own.
        var handler = new SocketsHttpHandler { SslOptions = ssl, UseProxy = false, AllowAutoRedirect = false };
        var client = new HttpClient(handler) { Timeout = s_deadline, MaxResponseContentBufferSize = PodBytesMax };
        if (config.Token.Length > 0)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", config.Token);
        }

        client.DefaultRequestHeaders.Accept.ParseAdd("application/json");
        return client;
    }

    private static string Advice(HttpStatusCode status) => status switch
    {
        HttpStatusCode.NotFound => "; it does not exist, or not yet.",
        HttpStatusCode.Unauthorized => "; the token in the kubeconfig has expired or was revoked, and 'install-cni' renews it.",
        HttpStatusCode.Forbidden => "; the service account of istio-cni needs the right to 'get' pods.",
        _ => ".",
    };
}
