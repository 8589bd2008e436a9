using System.Text;
using Pilotfish.Api.Failures;

namespace Pilotfish.Agent.Commands;

/// <summary>
/// <c>request METHOD PATH [BODY]</c>: one request to a local port of the proxy. Its output is the body and nothing else,
/// because istioctl reads it as JSON.
/// </summary>
internal static class RequestCommand
{
    private const string PortFlag = "debug-port";
    private static readonly int[] s_ports = [15000, 15004, 15020, 15021];
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);

    public static string? Run(IReadOnlyList<string> args, TextWriter output)
    {
        FlagSet flags = new FlagSet().Number(PortFlag, 15000);
        if (flags.Parse(args, tolerateUnknown: true) is { } problem)
        {
            return problem;
        }

        if (flags.Arguments.Count < 2)
        {
            return $"requires at least 2 arg(s), only received {flags.Arguments.Count}";
        }

        if (!flags.TryGetNumber(PortFlag, out int port, out string wrong))
        {
            return wrong;
        }

        if (!s_ports.Contains(port))
        {
            return $"debug port {port} is not in allowed list [{string.Join(' ', s_ports)}]";
        }

        string body = flags.Arguments.Count > 2 ? flags.Arguments[2] : "";
        return SendAsync(port, flags.Arguments[0], flags.Arguments[1], body, output).GetAwaiter().GetResult();
    }

    private static async Task<string?> SendAsync(int port, string method, string path, string body, TextWriter output)
    {
        try
        {
            using var client = new HttpClient { Timeout = s_timeout };
            using var request = new HttpRequestMessage(
                new HttpMethod(method.ToUpperInvariant()), $"http://localhost:{port}/{path.TrimStart('/')}");
            if (body.Length > 0)
            {
                request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            }

            using HttpResponseMessage response = await client.SendAsync(request);
            string content = await response.Content.ReadAsStringAsync();

            // The admin port answers 404 with a body that istioctl wants to see.
            if ((int)response.StatusCode > 399 && response.StatusCode != System.Net.HttpStatusCode.NotFound)
            {
                return $"received unsuccessful status code {(int)response.StatusCode}: {content}";
            }

            await output.WriteLineAsync(content);
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or UriFormatException or FormatException)
        {
            return $"command failed: {FailureText.Of(e)}";
        }
    }
}
