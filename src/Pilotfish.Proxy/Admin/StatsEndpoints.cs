using System.Text;
using Pilotfish.Language.Re2;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Admin;

/// <summary>/stats in its forms, and the reset of counters.</summary>
internal sealed class StatsEndpoints(StatsStore stats, StatTagRules tags, ServerState server, HistogramIntervals intervals)
{
    public IEnumerable<AdminEndpoint> All =>
    [
        AdminEndpoint.Get("/stats", "print server stats", Stats),
        AdminEndpoint.Get("/stats/prometheus", "print server stats in prometheus format", Prometheus),
        AdminEndpoint.Post("/reset_counters", "reset all counters to zero", Reset),
    ];

    private void Stats(InternalRequest request, InternalResponse response)
    {
        string format = request.Query("format") ?? "text";
        if (format == "prometheus")
        {
            Prometheus(request, response);
            return;
        }

        if (Query(request, response) is not { } query)
        {
            return;
        }

        intervals.Asked();
        server.Refresh();
        if (format == "json")
        {
            response.ContentType = "application/json";
            StatsJson.Write(stats, query, intervals, response.Body);
            return;
        }

        if (format is not ("text" or "html" or "active-html"))
        {
            Refuse(response, "usage: /stats?format=(html|active-html|json|prometheus|text)\n\n");
            return;
        }

        StringBuilder text = new();
        StatsText.Write(stats, query, intervals, text);
        response.Write(text.ToString());
    }

    private void Prometheus(InternalRequest request, InternalResponse response)
    {
        if (Query(request, response) is not { } query)
        {
            return;
        }

        server.Refresh();
        StringBuilder text = new();
        PrometheusText.Write(stats, tags, query, text);
        response.ContentType = PrometheusText.ContentType;
        response.Write(text.ToString());
    }

    private void Reset(InternalRequest request, InternalResponse response)
    {
        stats.ResetCounters();
        response.Write("OK\n");
    }

    private static StatsQuery? Query(InternalRequest request, InternalResponse response)
    {
        Re2Regex? filter = null;
        if (request.Query("filter") is { Length: > 0 } expression)
        {
            try
            {
                filter = Re2Regex.Compile(expression);
            }
            catch (Re2SyntaxException e)
            {
                Refuse(response, $"Invalid re2 regex: {e.Message}\n");
                return null;
            }
        }

        StatKind? kind = null;
        switch (request.Query("type") ?? "All")
        {
            case "Counters":
                kind = StatKind.Counter;
                break;
            case "Gauges":
                kind = StatKind.Gauge;
                break;
            case "Histograms":
                kind = StatKind.Histogram;
                break;
            case "TextReadouts":
                kind = StatKind.TextReadout;
                break;
            case "All":
                break;
            default:
                Refuse(response, "invalid &type= param\n");
                return null;
        }

        HistogramForm form;
        switch (request.Query("histogram_buckets"))
        {
            case null or "" or "none" or "summary":
                form = HistogramForm.Summary;
                break;
            case "cumulative":
                form = HistogramForm.Cumulative;
                break;
            case "disjoint":
                form = HistogramForm.Disjoint;
                break;
            case "detailed":
                form = HistogramForm.Detailed;
                break;
            default:
                Refuse(response, "usage: /stats?histogram_buckets=(summary|cumulative|disjoint|detailed)\n");
                return null;
        }

        return new StatsQuery
        {
            Histograms = form,
            UsedOnly = request.Query("usedonly") is not null,
            Filter = filter,
            Kind = kind,
            ShowsTextReadouts = request.Query("text_readouts") is not null,
        };
    }

    private static void Refuse(InternalResponse response, string text)
    {
        response.Status = 400;
        response.Write(text);
    }
}
