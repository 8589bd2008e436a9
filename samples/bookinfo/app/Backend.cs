namespace Bookinfo;

/// <summary>A service that another one calls. Passes on the headers that join the hops of one request in logs and traces.</summary>
internal sealed class Backend(Uri address)
{
    private static readonly string[] s_forwarded =
    [
        "x-request-id", "traceparent", "tracestate", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags",
        "b3", "x-ot-span-context", "authorization", "cookie", "user-agent", "end-user",
    ];

    private readonly HttpClient _client = new() { BaseAddress = address, Timeout = TimeSpan.FromSeconds(10) };

    /// <summary>The body of a 200 answer; null when the service cannot be reached or answers otherwise.</summary>
    public async Task<string?> GetAsync(string path, HttpRequest incoming)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, path);
        foreach (string name in s_forwarded)
        {
            if (incoming.Headers.TryGetValue(name, out Microsoft.Extensions.Primitives.StringValues values))
            {
                request.Headers.TryAddWithoutValidation(name, values.ToString());
            }
        }

        try
        {
            using HttpResponseMessage response = await _client.SendAsync(request, incoming.HttpContext.RequestAborted);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync() : null;
        }
        catch (HttpRequestException)
        {
            // The page is shown without this part, as a visitor would want.
            return null;
        }
        catch (TaskCanceledException)
        {
            return null;
        }
    }
}
