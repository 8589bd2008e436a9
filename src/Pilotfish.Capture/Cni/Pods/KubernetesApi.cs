using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Api.Failures;

namespace Pilotfish.Capture.Cni.Pods;

/// <summary>
/// Asks the Kubernetes API one thing at a time. The kubeconfig is read anew for each question, because its token is replaced
/// while one waits.
/// </summary>
internal sealed class KubernetesApi(string kubeconfigPath)
{
    /// <summary>etcd keeps objects of at most 1.5 MiB, nodes run some hundred pods, and most are small.</summary>
    private const int AnswerBytesMax = 64 * 1024 * 1024;

    /// <summary>The kubelet gives a whole chain of plugins two minutes; one stuck question must not eat them.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);

    /// <param name="path">With its query.</param>
    /// <param name="what">What is asked for, in words.</param>
    /// <returns>The body of an answer that says success.</returns>
    /// <exception cref="PodLookupException">Anything else.</exception>
    public byte[] Send(HttpMethod method, string path, HttpContent? content, string what)
    {
        Kubeconfig config = Kubeconfig.Load(kubeconfigPath);
        using HttpClient client = NewClient(config);
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(config.Server, path)) { Content = content };
            using HttpResponseMessage response = client.Send(request);
            using var body = new MemoryStream();
            response.Content.CopyTo(body, null, CancellationToken.None);
            return response.IsSuccessStatusCode
                ? body.ToArray()
                : throw new PodLookupException(
                    $"The Kubernetes API at '{config.Server}' answered {(int)response.StatusCode} for {what}"
                    + Advice(response.StatusCode, method));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw new PodLookupException(
                $"The Kubernetes API at '{config.Server}' cannot be asked for {what}: {FailureText.Of(e)}.", e);
        }
    }

    /// <summary>Reads an answer that goes on, line by line, until the API or <paramref name="ending"/> ends it.</summary>
    /// <param name="path">With its query.</param>
    /// <param name="what">What is asked for, in words.</param>
    /// <param name="longest">Then it is given up, and that is no failure.</param>
    /// <param name="onLine">Gets each line; its bytes are good for the call only.</param>
    /// <param name="ending">Ends it, too.</param>
    /// <returns>False where the API no longer knows what was asked for (410).</returns>
    /// <exception cref="PodLookupException">The API cannot be asked, or refuses.</exception>
    public bool Follow(string path, string what, TimeSpan longest, Action<ReadOnlyMemory<byte>> onLine, CancellationToken ending)
    {
        Kubeconfig config = Kubeconfig.Load(kubeconfigPath);
        using HttpClient client = NewClient(config);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ending);
        limit.CancelAfter(longest);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(config.Server, path));
            using HttpResponseMessage response = client.Send(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (response.StatusCode == HttpStatusCode.Gone)
            {
                return false;
            }

            if (!response.IsSuccessStatusCode)
            {
                throw new PodLookupException(
                    $"The Kubernetes API at '{config.Server}' answered {(int)response.StatusCode} for a watch of {what}"
                    + Advice(response.StatusCode, request.Method, isWatch: true));
            }

            using Stream body = response.Content.ReadAsStream(limit.Token);
            JsonLines.Read(body, onLine, limit.Token);
            return true;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw new PodLookupException($"The Kubernetes API at '{config.Server}' cannot be asked to watch {what}: {FailureText.Of(e)}.", e);
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
        var client = new HttpClient(handler) { Timeout = s_deadline, MaxResponseContentBufferSize = AnswerBytesMax };
        if (config.Token.Length > 0)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", config.Token);
        }

        client.DefaultRequestHeaders.Accept.ParseAdd("application/json");
        return client;
    }

    private static string Advice(HttpStatusCode status, HttpMethod method, bool isWatch = false) => status switch
    {
        HttpStatusCode.NotFound => "; it does not exist, or not yet.",
        HttpStatusCode.Conflict => "; it has changed since it was seen.",
        HttpStatusCode.Unauthorized => "; the token in the kubeconfig has expired or was revoked, and 'install-cni' renews it.",
        HttpStatusCode.Forbidden => $"; the service account of istio-cni needs the right to '{(isWatch ? "watch" : Right(method))}' pods.",
        _ => ".",
    };

    /// <summary>RBAC's word for a method.</summary>
    private static string Right(HttpMethod method) => method.Method switch
    {
        "DELETE" => "delete",
        "PATCH" => "patch",
        "POST" => "create",
        _ => "get",
    };
}
