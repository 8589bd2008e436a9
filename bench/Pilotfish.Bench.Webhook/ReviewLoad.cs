using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Pilotfish.Bench.Webhook;

/// <summary>Asks a webhook as an API server does: over TLS, HTTP/2, one connection. Waits are sorted.</summary>
internal sealed class ReviewLoad : IDisposable
{
    private static readonly byte[] s_review = Encoding.UTF8.GetBytes("""
        {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002",
         "kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},
         "namespace":"shop","operation":"CREATE","object":{"apiVersion":"v1","kind":"Pod",
         "metadata":{"generateName":"web-5d4f9c7b6d-","labels":{"app":"web","version":"v1","pod-template-hash":"5d4f9c7b6d"},
          "annotations":{"prometheus.io/scrape":"true","prometheus.io/port":"9090"},
          "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5d4f9c7b6d","uid":"1","controller":true}]},
         "spec":{"serviceAccountName":"web","containers":[{"name":"web","image":"registry.example/web:1","ports":[{"containerPort":8080}],
          "resources":{"requests":{"cpu":"100m","memory":"128Mi"}},
          "readinessProbe":{"httpGet":{"path":"/ready","port":8080}},"livenessProbe":{"httpGet":{"path":"/live","port":8080}}}]}}}}
        """);

    private readonly HttpClient _client;
    private readonly Uri _url;

    /// <param name="certificateFile">The server's own certificate.</param>
    public ReviewLoad(Uri url, string certificateFile)
    {
        _url = url;
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(certificateFile));
        _client = new HttpClient(handler)
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    /// <summary>Open loop: a late answer delays no question, and each wait counts from when its question was due.</summary>
    public async Task<TimeSpan[]> AtRateAsync(int reviewsPerSecond, TimeSpan duration)
    {
        int count = (int)(reviewsPerSecond * duration.TotalSeconds);
        var waits = new Task<TimeSpan>[count];
        var start = Stopwatch.StartNew();
        for (int i = 0; i < count; i++)
        {
            TimeSpan due = TimeSpan.FromSeconds((double)i / reviewsPerSecond);
            TimeSpan early = due - start.Elapsed;
            if (early > TimeSpan.Zero)
            {
                // The sleep ends late by the timer's slack; the wait counts from the due time all the same.
                await Task.Delay(early);
            }

            waits[i] = WaitAsync(start, due);
        }

        return Sorted(await Task.WhenAll(waits));
    }

    public async Task<TimeSpan[]> AtOnceAsync(int count)
    {
        var start = Stopwatch.StartNew();
        return Sorted(await Task.WhenAll(Enumerable.Range(0, count).Select(_ => WaitAsync(start, TimeSpan.Zero))));
    }

    public void Dispose() => _client.Dispose();

    private static TimeSpan[] Sorted(TimeSpan[] waits)
    {
        Array.Sort(waits);
        return waits;
    }

    private async Task<TimeSpan> WaitAsync(Stopwatch start, TimeSpan due)
    {
        using var content = new ByteArrayContent(s_review);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using HttpResponseMessage response = await _client.PostAsync(_url, content);
        string answer = await response.Content.ReadAsStringAsync();
        if (!answer.Contains("\"patchType\":\"JSONPatch\"", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"The webhook answered {(int)response.StatusCode}: {answer}");
        }

        return start.Elapsed - due;
    }
}
