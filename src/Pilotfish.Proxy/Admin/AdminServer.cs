using System.Net;
using System.Text;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Admin;

/// <summary>The admin address: a list of endpoints, a page and a help text that name them. Main loop.</summary>
internal sealed class AdminServer
{
    private readonly SortedDictionary<string, AdminEndpoint> _endpoints = new(StringComparer.Ordinal);
    private readonly InternalHttpServer _server;

    public AdminServer(EventLoop loop)
    {
        _server = new InternalHttpServer(loop, AnswerAsync);
        Add(AdminEndpoint.Get("/", "Admin home page", HomePage));
        Add(AdminEndpoint.Get("/help", "print out list of admin commands", (_, response) => response.Write(HelpText())));
    }

    public NetAddress Address { get; private set; }

    public void Add(AdminEndpoint endpoint) => _endpoints.Add(endpoint.Path, endpoint);

    public void AddAll(IEnumerable<AdminEndpoint> endpoints)
    {
        foreach (AdminEndpoint endpoint in endpoints)
        {
            Add(endpoint);
        }
    }

    public IoError Listen(NetAddress address)
    {
        IoError error = _server.Listen(address, out NetAddress bound);
        Address = bound;
        return error;
    }

    /// <summary>A connection that came in another way, such as the agent's in-memory one.</summary>
    public void Serve(IByteStream stream) => _server.Serve(stream);

    public void Close() => _server.Close();

    // Internal for testing.
    internal ValueTask AnswerAsync(InternalRequest request, InternalResponse response)
    {
        if (!_endpoints.TryGetValue(request.Path, out AdminEndpoint? endpoint))
        {
            response.Status = 404;
            response.Write("invalid path. " + HelpText());
            return ValueTask.CompletedTask;
        }

        bool isPost = request.Method == "POST";
        if (endpoint.IsMutation ? !isPost : request.Method is not ("GET" or "HEAD" or "POST"))
        {
            response.Status = 405;
            response.Write($"Method {request.Method} not allowed, {(endpoint.IsMutation ? "POST" : "GET")} required.");
            return ValueTask.CompletedTask;
        }

        return endpoint.Answer(request, response);
    }

    private string HelpText()
    {
        StringBuilder text = new("admin commands are:\n");
        foreach (AdminEndpoint endpoint in _endpoints.Values)
        {
            text.Append("  ").Append(endpoint.Path).Append(endpoint.IsMutation ? " (POST)" : "").Append(": ")
                .Append(endpoint.Help).Append('\n');
        }

        return text.ToString();
    }

    private void HomePage(InternalRequest request, InternalResponse response)
    {
        StringBuilder page = new("<!DOCTYPE html><html><head><title>Pilotfish Admin</title></head><body><table>\n");
        foreach (AdminEndpoint endpoint in _endpoints.Values)
        {
            string path = WebUtility.HtmlEncode(endpoint.Path);
            string link = endpoint.IsMutation
                ? $"<form action=\"{path}\" method=\"post\"><button>{path}</button></form>"
                : $"<a href=\"{path}\">{path}</a>";
            page.Append("<tr><td>").Append(link).Append("</td><td>").Append(WebUtility.HtmlEncode(endpoint.Help))
                .Append("</td></tr>\n");
        }

        page.Append("</table></body></html>\n");
        response.ContentType = "text/html; charset=UTF-8";
        response.Write(page.ToString());
    }
}
