using System.Net;
using System.Text;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.Routing;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Admin;

/// <summary>The admin address: a list of endpoints, a page and a help text that name them. Main loop.</summary>
internal sealed class AdminServer
{
    private readonly SortedDictionary<string, AdminEndpoint> _endpoints = new(StringComparer.Ordinal);
    private readonly InternalHttpServer _server;
    private StringMatch[] _allowed = [];

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

    /// <summary>admin.allow_paths: every other path is answered with 403, whoever asks; none allows all. Rejects by field.</summary>
    public void AllowOnly(IReadOnlyList<StringMatcher> paths, string field)
    {
        var allowed = new StringMatch[paths.Count];
        for (int i = 0; i < allowed.Length; i++)
        {
            allowed[i] = StringMatch.Compile(paths[i], $"{field}[{i}]");
        }

        _allowed = allowed;
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
        if (!IsAllowed(request.Path))
        {
            response.Status = 403;
            response.Write($"request to path {request.Path} not allowed");
            return ValueTask.CompletedTask;
        }

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

    private bool IsAllowed(string path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(path);
        return _allowed.Length == 0 || Array.Exists(_allowed, match => match.Matches(bytes));
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
