using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Names;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane.Debug;

/// <summary>HTTP beside the streams: readiness, version, metrics, and /debug pages under istiod's names.</summary>
internal static class DebugEndpoints
{
    public static void Map(WebApplication app, DiscoveryServer server)
    {
        // Plain delegates over HttpContext: no reflection over parameters, so the trimmer sees all.
        app.MapGet("/ready", (RequestDelegate)(context =>
        {
            context.Response.StatusCode = server.Current is null ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
            return Task.CompletedTask;
        }));
        app.MapGet("/version", (RequestDelegate)(context => context.Response.WriteAsync(BuildInfo.Current.OneLine)));
        app.MapGet("/metrics", (RequestDelegate)(context =>
        {
            context.Response.ContentType = "text/plain; version=0.0.4";
            return context.Response.WriteAsync(MetricsText.Print(server));
        }));
        Page(app, "/debug/syncz", writer => StatusPages.Sync(server, writer));
        Page(app, "/debug/connections", writer => StatusPages.Connections(server, writer));
        Page(app, "/debug/configz", writer => StatusPages.Config(server, writer));
        Page(app, "/debug/problems", writer => StatusPages.Problems(server, writer));
        Page(app, "/debug/registryz", writer => StatusPages.Registry(server, writer));
        Page(app, "/debug/endpointz", writer => StatusPages.Endpoints(server, writer));
        app.MapGet("/debug/mesh", (RequestDelegate)(context =>
        {
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(Print(server.Current?.Mesh));
        }));
        app.MapGet("/debug/config_dump", (RequestDelegate)(context => ProxyPages.WriteAsync(context, server, ProxyPages.Dump)));
        app.MapGet("/debug/edsz", (RequestDelegate)(context => ProxyPages.WriteAsync(context, server, ProxyPages.Endpoints)));
        app.MapGet("/debug/ndsz", (RequestDelegate)(context => ProxyPages.WriteAsync(context, server, ProxyPages.Names)));
    }

    internal static string Print(IMessage? message) =>
        message is null ? "{}" : JsonPrinter.Print(message, JsonPrintOptions.Readable with { Types = PilotfishTypes.All });

    private static void Page(WebApplication app, string path, Action<Utf8JsonWriter> write) =>
        app.MapGet(path, (RequestDelegate)(context =>
        {
            using var buffer = new MemoryStream();
            using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
            {
                write(writer);
            }

            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(Encoding.UTF8.GetString(buffer.ToArray()));
        }));
}
