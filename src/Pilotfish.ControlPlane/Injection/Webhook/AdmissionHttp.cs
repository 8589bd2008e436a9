using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Pilotfish.ControlPlane.Injection.Webhook;

/// <summary>The HTTP side of admission webhooks, which is the same for all of them.</summary>
internal static class AdmissionHttp
{
    /// <summary>Kubernetes bounds its own objects at about 3 MiB; a review holds up to two of them.</summary>
    public const int BodyBytesMax = 6 * 1024 * 1024;

    private const string Json = "application/json";

    public static async Task Serve(HttpContext context, Func<byte[], string> answer)
    {
        var body = await ReadBody(context);
        if (body is null)
        {
            await Fail(context, StatusCodes.Status400BadRequest, $"Request entity is too large: limit is {BodyBytesMax}");
        }
        else if (body.Length == 0)
        {
            await Fail(context, StatusCodes.Status400BadRequest, "no body found");
        }
        else if (context.Request.ContentType != Json)
        {
            await Fail(context, StatusCodes.Status415UnsupportedMediaType, $"invalid Content-Type, want `{Json}`");
        }
        else
        {
            context.Response.ContentType = Json;
            await context.Response.WriteAsync(answer(body), context.RequestAborted);
        }
    }

    /// <summary>The whole body; null where it is longer than the bound.</summary>
    private static async Task<byte[]?> ReadBody(HttpContext context)
    {
        var body = new ArrayBufferWriter<byte>();
        while (true)
        {
            var result = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
            foreach (var segment in result.Buffer)
            {
                if (body.WrittenCount + segment.Length > BodyBytesMax)
                {
                    return null;
                }

                body.Write(segment.Span);
            }

            context.Request.BodyReader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return body.WrittenSpan.ToArray();
            }
        }
    }

    private static Task Fail(HttpContext context, int status, string reason)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(reason + "\n"), context.RequestAborted).AsTask();
    }
}
