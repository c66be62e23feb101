package esclient

import (
	"context"
	"errors"
	"net/http"

	"github.com/olivere/elastic/v7"
)

// Meet finds out what kind of server there is, unless said says it. Who is not allowed to
// ask may do other things all the same, so that is no error.
func (c *Client) Meet(ctx context.Context, said Version) (Version, error) {
	x := &Exchange{}
	answer, err := c.Perform(ctx, x, elastic.PerformRequestOptions{Method: http.MethodGet, Path: "/"}, nil)
	var no *Refusal
	switch {
	case errors.As(err, &no) && no.closed():
		return said, nil
	case err != nil, said.text != "":
		return said, err
	}
	server, err := readVersion(answer)
	if err != nil {
		c.Failed(x.Node)
	}
	return server, err
}
