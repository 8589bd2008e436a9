using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Pilotfish.ControlPlane.Injection.Webhook;

/// <summary>Puts the admission webhooks on a server: the control plane serves them over TLS on port 15017.</summary>
public static class WebhookEndpoints
{
    /// <summary>Serves `/inject` and `/inject/NAME/VALUE/...`.</summary>
    public static IEndpointRouteBuilder MapInjection(this IEndpointRouteBuilder endpoints, InjectionWebhook webhook)
    {
        RequestDelegate serve = context =>
            AdmissionHttp.Serve(context, body => webhook.Answer(body, context.Request.Path.Value ?? ""));
        endpoints.MapPost("/inject", serve);
        endpoints.MapPost("/inject/{**variables}", serve);
        return endpoints;
    }

    /// <summary>Serves `/validate`.</summary>
    public static IEndpointRouteBuilder MapValidation(this IEndpointRouteBuilder endpoints)
    {
        RequestDelegate serve = context => AdmissionHttp.Serve(context, body => ValidationWebhook.Answer(body));
        endpoints.MapPost("/validate", serve);
        return endpoints;
    }
}
