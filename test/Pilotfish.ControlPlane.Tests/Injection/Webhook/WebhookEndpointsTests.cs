using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.ControlPlane.Injection.Webhook;

namespace Pilotfish.ControlPlane.Tests.Injection.Webhook;

/// <summary>The webhooks behind a real server on a port of the system's choice.</summary>
public sealed class WebhookEndpointsTests : IAsyncLifetime
{
    private const string Pod = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"containers\":[{\"name\":\"app\",\"image\":\"x\"}]}}";

    private readonly HttpClient _client = new();
    private WebApplication? _app;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        var settings = Injecting.Settings();
        _app.MapInjection(new InjectionWebhook(() => settings)).MapValidation();
        await _app.StartAsync();
        _client.BaseAddress = new Uri(_app.Urls.Single());
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app!.DisposeAsync();
    }

    [Theory]
    [InlineData("/inject")]
    [InlineData("/inject/cluster/east")]
    public async Task Post_OfAReview_IsAnsweredWithAPatch(string path)
    {
        using var response = await Post(path, InjectionWebhookTests.Review("v1", Pod), "application/json");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("true", (await Read(response)).TextAt("response", "allowed"));
    }

    [Theory]
    [InlineData("{}", "text/plain", HttpStatusCode.UnsupportedMediaType, "application/json")]
    [InlineData("", "application/json", HttpStatusCode.BadRequest, "no body")]
    public async Task Post_OfSomethingElse_IsRefusedByStatus(string body, string type, HttpStatusCode status, string reason)
    {
        using var response = await Post("/inject", body, type);

        Assert.Equal(status, response.StatusCode);
        Assert.Contains(reason, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(AdmissionHttp.BodyBytesMax, HttpStatusCode.OK)]
    [InlineData(AdmissionHttp.BodyBytesMax + 1, HttpStatusCode.BadRequest)]
    public async Task Post_AtTheBound_IsReadAndAboveItRefused(int length, HttpStatusCode status)
    {
        using var response = await Post("/inject", new string(' ', length), "application/json");

        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Post_OfAWrongVirtualService_IsRefusedByPath()
    {
        const string Service = "{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"metadata\":{\"name\":\"v\"},"
            + "\"spec\":{\"hosts\":[\"a\"],\"http\":[{\"route\":[{\"destination\":{\"host\":\"a\",\"port\":{\"number\":0}}}]}]}}";

        using var response = await Post("/validate", InjectionWebhookTests.Review("v1", Service), "application/json");

        var answer = await Read(response);
        Assert.Equal("false", answer.TextAt("response", "allowed"));
        Assert.Contains("spec.http[0].route[0].destination.port.number", answer.TextAt("response", "status", "message"), StringComparison.Ordinal);
    }

    private Task<HttpResponseMessage> Post(string path, string body, string type)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.Add("Content-Type", type);
        return _client.PostAsync(new Uri(path, UriKind.Relative), content, TestContext.Current.CancellationToken);
    }

    private static async Task<YamlMapping> Read(HttpResponseMessage response) =>
        Yaml.Map(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
}
