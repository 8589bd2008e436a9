namespace Bookinfo;

/// <summary>GET /details/ID: the facts of one book.</summary>
internal sealed class Details : IService
{
    public void Map(WebApplication app) => app.MapGet("/details/{id:int}", (int id) => Results.Text(
        $$"""{"id":{{id}},"author":"William Shakespeare","year":1595,"type":"paperback","pages":200,"publisher":"PublisherA","language":"English"}""",
        "application/json"));
}
